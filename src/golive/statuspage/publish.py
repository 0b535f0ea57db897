"""Writes the page as files, so that it is served when the store, the database or golive itself are down."""

import logging
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.db import Error, close_old_connections
from django.db.models import Max
from django.template.loader import render_to_string
from django.utils import timezone

from golive.alerts.models import Flip
from golive.checks.models import CheckState
from golive.incidents.models import Incident, TimelineEntry
from golive.kit.folders import data_folder, write_private
from golive.people.models import Project
from golive.statuspage import statuspage_v2, telling
from golive.statuspage.document import Document, compose
from golive.statuspage.models import Component, StatusPage, Update

BEAT_SECONDS = 0.5
AT_LEAST_EVERY_SECONDS = 60.0
log = logging.getLogger(__name__)


def folder_of(slug: str) -> Path:
    """Where a project's page lies."""
    return data_folder() / "status" / slug


def public_url(slug: str) -> str:
    return f"{settings.PUBLIC_URL}/status/{slug}/"


def serve(stop: threading.Event) -> None:
    """Publish what is due and write pages anew when something changed, and every minute, until `stop` is set."""
    seen: Any = None
    written = 0.0
    while not stop.is_set():
        try:
            close_old_connections()
            telling.publish_due(timezone.now())
            sign = fingerprint()
            if sign != seen or time.monotonic() - written >= AT_LEAST_EVERY_SECONDS:
                write_all(timezone.now())
                seen, written = sign, time.monotonic()
        except Error as error:
            log.warning("the status pages cannot be brought up to date now: %s", error)
        except Exception:
            log.exception("writing the status pages broke; trying again")
        stop.wait(BEAT_SECONDS)


def fingerprint() -> Sequence[Any]:
    """Changes whenever a page would: the newest of each thing that it shows."""
    newest = [model.objects.aggregate(last=Max("pk"))["last"] for model in (Flip, TimelineEntry, Update, Component)]
    checks = CheckState.objects.order_by("pk").values_list("pk", "state")
    return [*newest, *StatusPage.objects.values_list("pk", "title", "publish_after"), *checks]


def write_all(now: datetime) -> None:
    """Write every project's page; one that breaks does not keep the others from being written."""
    for project in Project.objects.all():
        try:
            write(project, now)
        except (OSError, ValueError, KeyError):
            log.exception("the status page of %s could not be written", project.slug)


def write(project: Project, now: datetime) -> Path:
    """Write one project's page, each file atomically, and note on its incidents that customers have been told."""
    document = compose(project, now)
    folder = folder_of(project.slug)
    for name, content in contents(document).items():
        write_private(folder / name, content)
    told = [story.notice.incident_id for story in document.open + document.past]
    Incident.objects.filter(pk__in=told, published_at=None).update(published_at=timezone.now())
    return folder


def contents(document: Document) -> dict[str, bytes]:
    """All files of a page by their path, the page itself last."""
    url = public_url(document.project.slug)
    files = {name: orjson.dumps(content) for name, content in statuspage_v2.files(document, url).items()}
    context = {"page": document, "url": url}
    files["history.atom"] = render_to_string("statuspage/history.atom", context).encode()
    files["index.html"] = render_to_string("statuspage/public.html", context).encode()
    return files

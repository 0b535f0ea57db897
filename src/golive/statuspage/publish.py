"""Writes the page as files, so that it is served when the store, the database or golive itself are down."""

import logging
import re
import shlex
import subprocess
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
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
from golive.people.secrets import SecretError, resolve
from golive.statuspage import files, maintenance, statuspage_v2, telling
from golive.statuspage.document import Document, compose
from golive.statuspage.models import Component, Maintenance, MaintenanceUpdate, StatusPage, Update

BEAT_SECONDS = 0.5
PUSH_SECONDS = 300
WATCHED = (Flip, TimelineEntry, Update, MaintenanceUpdate)
AT_LEAST_EVERY_SECONDS = 60.0
log = logging.getLogger(__name__)


class PushError(Exception):
    """The page was not pushed; the message says why."""


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
            maintenance.run_due(timezone.now())
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
    newest = [model.objects.aggregate(last=Max("pk"))["last"] for model in WATCHED]
    checks = CheckState.objects.order_by("pk").values_list("pk", "state", "scope")
    works = Maintenance.objects.values_list("pk", "stage", "starts_at", "ends_at")[:50]
    return [*newest, *StatusPage.objects.values_list(), *Component.objects.values_list(), *works, *checks]


def write_all(now: datetime) -> None:
    """Write every project's page; one that breaks does not keep the others from being written."""
    domains = StatusPage.objects.exclude(domain="").values_list("domain", "project__slug")
    write_private(files.root() / files.DOMAINS, orjson.dumps(dict(domains)))
    for project in Project.objects.all():
        try:
            write(project, now)
        except (OSError, ValueError, KeyError):
            log.exception("the status page of %s could not be written", project.slug)


def write(project: Project, now: datetime) -> Path:
    """Write one project's page, each file atomically, and note on its incidents that customers have been told."""
    document = compose(project, now)
    folder = folder_of(project.slug)
    _lock(folder, document)
    for name, content in contents(document).items():
        write_private(folder / name, content)
    told = [story.notice.incident_id for story in document.open + document.past]
    Incident.objects.filter(pk__in=told, published_at=None).update(published_at=timezone.now())
    return folder


def _lock(folder: Path, document: Document) -> None:
    """A private page is locked before anything is written into it; a password that is not there keeps it shut."""
    place = folder / files.LOCK
    if not document.page.password:
        place.unlink(missing_ok=True)
        return
    try:
        digest = files.lock_digest(document.project.slug, resolve(document.page.password))
    except SecretError as error:
        log.warning("the status page of %s stays shut: %s", document.project.slug, error)
        digest = "none"
    if not place.exists() or place.read_text() != digest:
        write_private(place, digest.encode())


def push(project: Project) -> str:
    """Run the project's push command in the page's folder; what it said. Raises PushError."""
    command = shlex.split(telling.page_of(project).push)
    if not command:
        raise PushError("There is no `push` in [status] of golive.toml.")
    try:
        done = subprocess.run(command, cwd=folder_of(project.slug), capture_output=True, timeout=PUSH_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PushError(f"{command[0]} did not run to its end: {error}") from None
    said = (done.stdout + done.stderr).decode(errors="replace").strip()[-1000:]
    if done.returncode:
        raise PushError(f"{command[0]} ended with {done.returncode}: {said or 'no words'}")
    return said


def push_changed(pushed: dict[str, str] = {}) -> None:  # noqa: B006 - kept between calls: what was pushed last
    """Push the pages whose files have changed since they were last pushed from this process."""
    for page in StatusPage.objects.exclude(push="").select_related("project"):
        slug = page.project.slug
        sign = sha256("".join(sorted(_signs(folder_of(slug)))).encode()).hexdigest()
        if pushed.get(slug) == sign:
            continue
        try:
            push(page.project)
            pushed[slug] = sign
        except PushError as error:
            log.warning("the status page of %s was not pushed: %s", slug, error)


def _signs(folder: Path) -> list[str]:
    """What tells files apart, but for the instant at which they were written."""
    moving = re.compile(rb'"updated_at":"[^"]*"|<time[^>]*>[^<]*</time>|<(updated|lastBuildDate)>[^<]*</')
    return [
        f"{path.name}:{sha256(moving.sub(b'', path.read_bytes())).hexdigest()}"
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    ]


def contents(document: Document) -> dict[str, bytes]:
    """All files of a page by their path, the page itself last."""
    url = public_url(document.project.slug)
    made = {name: orjson.dumps(content) for name, content in statuspage_v2.files(document, url).items()}
    stories = document.open + document.past
    context: dict[str, Any] = {"page": document, "url": url, "words": document.words, "stories": stories}
    made["history.atom"] = render_to_string("statuspage/history.atom", context).encode()
    made["history.rss"] = render_to_string("statuspage/history.rss", context).encode()
    for part in document.parts:
        code = part.component.code
        concerned = [story for story in stories if code in story.codes]
        one = context | {"stories": concerned, "component": part.component}
        made[f"components/{code}.atom"] = render_to_string("statuspage/history.atom", one).encode()
        made[f"components/{code}.rss"] = render_to_string("statuspage/history.rss", one).encode()
    made["index.html"] = render_to_string("statuspage/public.html", context).encode()
    return made

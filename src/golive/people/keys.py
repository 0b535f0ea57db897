"""Ingest keys: made and revoked here, published to the ingest process in one small file of digests."""

import fcntl
import secrets
from datetime import datetime

import orjson
from django.db import transaction

from golive.kit.folders import data_folder, write_private
from golive.people.models import IngestKey, KeyKind, Project
from golive.people.tokens import digest

PREFIX = "gli_"


def create(project: Project, kind: KeyKind = KeyKind.INGEST) -> tuple[IngestKey, str]:
    """Make a key. The second value is the key itself: an ingest key is shown once, a DSN's key is public."""
    value = secrets.token_hex(16) if kind == KeyKind.DSN else PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        key = IngestKey.objects.create(
            project=project,
            kind=kind,
            digest=digest(value),
            hint=value[-4:],
            public_value=value if kind == KeyKind.DSN else "",
        )
        transaction.on_commit(publish)
    return key, value


def revoke(key: IngestKey, now: datetime) -> None:
    """End a key; what is sent with it from now on is refused."""
    with transaction.atomic():
        IngestKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now)
        transaction.on_commit(publish)


def rotate(project: Project, kind: KeyKind, now: datetime) -> tuple[IngestKey, str]:
    """A new key in place of all earlier ones of its kind, which end at once."""
    with transaction.atomic():
        IngestKey.objects.filter(project=project, kind=kind, revoked_at=None).update(revoked_at=now)
        return create(project, kind)


def add_project(slug: str, name: str, url: str = "") -> tuple[Project, str, str]:
    """A project with its first keys: (project, ingest key, DSN key)."""
    with transaction.atomic():
        project = Project.objects.create(slug=slug, name=name, url=url)
        _, ingest = create(project, KeyKind.INGEST)
        _, public = create(project, KeyKind.DSN)
    return project, ingest, public


def public_key(project: Project) -> str:
    """The DSN key in force, newest first; "" when there is none."""
    key = project.keys.filter(kind=KeyKind.DSN, revoked_at=None).order_by("-pk").first()
    return key.public_value if key else ""


def document() -> bytes:
    """What the ingest process reads: digests of keys in force and the project each writes to."""
    keys = IngestKey.objects.filter(revoked_at=None).select_related("project").order_by("pk")
    return orjson.dumps(
        {
            "keys": {
                key.digest: {"project": key.project.slug, "project_id": key.project_id, "kind": key.kind}
                for key in keys
            }
        }
    )


def publish() -> None:
    """Write the file anew if it is not up to date; one process at a time, so an older view never wins."""
    folder = data_folder() / "run"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "ingest-keys.json"
    with (folder / "ingest-keys.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        content = document()
        if not path.is_file() or path.read_bytes() != content:
            write_private(path, content)


def in_force(project: Project) -> list[IngestKey]:
    """A project's keys that are accepted now."""
    return list(project.keys.filter(revoked_at=None).order_by("kind", "pk"))


def delete_project(project: Project) -> None:
    """Remove a project's record and keys; its telemetry ages out of the store by itself."""
    with transaction.atomic():
        project.delete()
        transaction.on_commit(publish)

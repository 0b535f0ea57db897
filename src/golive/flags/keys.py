"""Evaluation keys: made, shown once, kept as digests, revoked. They can read what flags say and nothing else."""

import secrets
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from golive.flags.models import FlagKey
from golive.flags.publish import publish
from golive.people import audit
from golive.people.models import Project
from golive.people.tokens import digest

PREFIX = "glf_"


class FlagKeyError(ValueError):
    """A name that cannot be used; the message says why."""


def create(project: Project, name: str, environment: str, by: str) -> tuple[FlagKey, str]:
    """Make a key; the second value is the key itself, shown this once."""
    slug, value = slugify(name)[:40], PREFIX + secrets.token_urlsafe(32)
    if not slug:
        raise FlagKeyError(f"{name!r} has no letters or digits to name a key by")
    try:
        with transaction.atomic():
            made = FlagKey.objects.create(
                project=project,
                name=slug,
                environment=environment.strip()[:64] or "production",
                digest=digest(value),
                hint=value[-4:],
            )
            audit.record(by, "flag.key.create", slug, project=project, environment=made.environment)
            transaction.on_commit(publish)
    except IntegrityError:
        raise FlagKeyError(f"a key {slug} is in force; revoke it or take another name") from None
    return made, value


def revoke(key: FlagKey, by: str, now: datetime) -> bool:
    """End a key at once. False when it was revoked before."""
    with transaction.atomic():
        if FlagKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now) != 1:
            return False
        audit.record(by, "flag.key.revoke", key.name, project=key.project, hint=key.hint)
        transaction.on_commit(publish)
    return True


def in_force(project: Project) -> list[FlagKey]:
    return list(project.flag_keys.filter(revoked_at=None))


def address() -> str:
    """What an OFREP client takes as its base URL."""
    return str(settings.PUBLIC_URL)

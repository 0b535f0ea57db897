"""One-time links: the first owner, people invited, passwords set anew. Kept as digests, good once, for a day."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from golive.people.models import Purpose, Role, User, WelcomeLink
from golive.people.tokens import digest

LIFETIME = timedelta(hours=24)


class LinkRefused(Exception):
    """The link cannot be used; the message says why and what to do."""


def create(
    purpose: Purpose, now: datetime, *, email: str = "", role: Role = Role.VIEWER, by: User | None = None
) -> str:
    """Make a link and return its address, which is kept nowhere. Earlier unused links of its purpose and email end."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        WelcomeLink.objects.filter(purpose=purpose, email=email, used_at=None).delete()
        WelcomeLink.objects.create(
            digest=digest(token), purpose=purpose, email=email, role=role, created_by=by, expires_at=now + LIFETIME
        )
    return f"{settings.PUBLIC_URL}/welcome/{token}/"


def owner_exists() -> bool:
    """Whether somebody can already run this install."""
    return User.objects.filter(role=Role.OWNER, is_active=True).exists()


def refusal(link: WelcomeLink | None, now: datetime, has_owner: bool) -> str | None:
    """Why a link cannot be used at `now`, or None when it can."""
    if link is None:
        return "This link is not known here. Ask for a new one."
    if link.used_at is not None:
        return "This link was used already. Sign in, or ask for a new one."
    if link.expires_at <= now:
        return "This link has expired. Ask for a new one."
    if link.created_by is not None and not link.created_by.may(Role.OWNER):
        return "Who made this link is no longer an owner. Ask for a new one."
    if link.purpose == Purpose.OWNER and has_owner and link.created_by_id is None and not link.email:
        return "This install has an owner already. Ask the owner for an invitation."
    return None


def find(token: str, now: datetime) -> WelcomeLink:
    """The link that a token opens. Raises LinkRefused."""
    link = WelcomeLink.objects.filter(digest=digest(token)).first()
    reason = refusal(link, now, owner_exists())
    if link is None or reason:
        raise LinkRefused(reason or "This link is not known here.")
    return link


def redeem(token: str, now: datetime, use: Callable[[WelcomeLink], User]) -> User:
    """Use a link up and do what it is for, together or not at all: two at once cannot both succeed."""
    with transaction.atomic():
        link = find(token, now)
        if not WelcomeLink.objects.filter(pk=link.pk, used_at=None).update(used_at=now):
            raise LinkRefused("This link was used already. Sign in, or ask for a new one.")
        return use(link)

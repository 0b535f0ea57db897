"""API tokens: made once, shown once, kept as a digest, limited to scopes."""

import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja.errors import HttpError
from ninja.security import HttpBearer

from golive.people.models import ApiToken, User

PREFIX = "glt_"


def digest(value: str) -> str:
    """The hex SHA-256 under which a token or key is kept; they are random, so no salt is needed."""
    return hashlib.sha256(value.encode()).hexdigest()


def create(
    name: str,
    scopes: Sequence[str],
    *,
    by: User | None = None,
    lifetime: timedelta | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Make a token; the second value is shown once and kept nowhere."""
    value = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        name=name,
        digest=digest(value),
        hint=value[-4:],
        scopes=list(scopes),
        created_by=by,
        expires_at=timezone.now() + lifetime if lifetime else expires_at,
    )
    return token, value


def revoke(token: ApiToken, now: datetime) -> None:
    """End a token at once."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now)


def standing(token: ApiToken, now: datetime) -> str:
    """Whether a token works at `now`: in force, expired, revoked, or its maker is disabled."""
    if token.revoked_at is not None:
        return "revoked"
    if token.created_by is not None and not token.created_by.is_active:
        return "maker disabled"
    return "expired" if token.expires_at is not None and token.expires_at <= now else "in force"


_SCOPE = re.compile(r"\*|read|[a-z][a-z-]*:(read|write)")


def is_scope(text: str) -> bool:
    """Whether a text is a scope: "*", "read", "room:read" or "room:write"."""
    return _SCOPE.fullmatch(text) is not None


def covers(granted: Sequence[str], wanted: str) -> bool:
    """Whether scopes such as "incidents:write" or "*" cover `wanted`; write includes read."""
    room, _, verb = wanted.partition(":")
    return any(scope in ("*", wanted, f"{room}:write") for scope in granted) or (verb == "read" and "read" in granted)


def includes(granted: Sequence[str], wanted: str) -> bool:
    """Whether somebody with the scopes `granted` may give the scope `wanted` away."""
    if wanted in ("*", "read"):
        return "*" in granted or wanted in granted
    return covers(granted, wanted)


def demand(token: ApiToken, wanted: str) -> None:
    """Refuse a token that does not cover a scope."""
    if not covers(token.scopes, wanted):
        raise HttpError(403, f"This token lacks the scope {wanted}.")


class Failures:
    """Counts wrong tokens per address and minute, in this process's memory."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.minute = 0
        self.counts: Counter[str] = Counter()

    def exceeded(self, address: str, now: datetime) -> bool:
        """Count one more; whether there are too many in this minute."""
        minute = int(now.timestamp() // 60)
        if minute != self.minute:
            self.minute, self.counts = minute, Counter()
        self.counts[address] += 1
        return self.counts[address] > self.limit


failures = Failures(limit=120)


class TokenAuth(HttpBearer):
    """Ninja authentication by bearer token; with `wanted`, the token must cover that scope."""

    def __init__(self, wanted: str | None = None) -> None:
        super().__init__()
        self.wanted = wanted

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        now = timezone.now()
        found = (
            ApiToken.objects.select_related("created_by")
            .filter(Q(expires_at=None) | Q(expires_at__gt=now), digest=digest(token), revoked_at=None)
            .exclude(created_by__is_active=False)  # who is disabled is out, and so is what they left behind
            .first()
        )
        if found is None:
            address = request.META.get("REMOTE_ADDR", "")
            if failures.exceeded(address, now):
                raise HttpError(429, "Too many tries with tokens that are not valid; wait a minute.")
            return None
        if self.wanted:
            demand(found, self.wanted)
        if found.last_used_at is None or now - found.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
        return found


class RoomAuth(TokenAuth):
    """For operations that name no scope of their own: the room's read scope, or its write scope for changes."""

    def __init__(self, room: str) -> None:
        super().__init__()
        self.room = room

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        verb = "read" if request.method in ("GET", "HEAD", "OPTIONS") else "write"
        return TokenAuth(f"{self.room}:{verb}").authenticate(request, token)


def scope(wanted: str) -> TokenAuth:
    """What an API operation asks for: `@router.get(..., auth=scope("logs:read"))`."""
    return TokenAuth(wanted)


def actor(request: HttpRequest) -> str:
    """Who acts, for the audit trail: a person's email or "token:NAME"."""
    token = getattr(request, "auth", None)
    if isinstance(token, ApiToken):
        return f"token:{token.name}"
    return request.user.email if isinstance(request.user, User) else "golive"

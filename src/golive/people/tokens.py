"""API tokens: made once, shown once, kept as a digest, limited to scopes."""

import hashlib
import re
import secrets
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
    name: str, scopes: Sequence[str], *, by: User | None = None, lifetime: timedelta | None = None
) -> tuple[ApiToken, str]:
    """Make a token; the second value is shown once and kept nowhere."""
    value = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        name=name,
        digest=digest(value),
        hint=value[-4:],
        scopes=list(scopes),
        created_by=by,
        expires_at=timezone.now() + lifetime if lifetime else None,
    )
    return token, value


def revoke(token: ApiToken, now: datetime) -> None:
    """End a token at once."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now)


def standing(token: ApiToken, now: datetime) -> str:
    """Whether a token works at `now`: in force, expired or revoked."""
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= now else "in force"


_SCOPE = re.compile(r"\*|read|[a-z][a-z-]*:(read|write)")


def is_scope(text: str) -> bool:
    """Whether a text is a scope: "*", "read", "room:read" or "room:write"."""
    return _SCOPE.fullmatch(text) is not None


def covers(granted: Sequence[str], wanted: str) -> bool:
    """Whether scopes such as "incidents:write" or "*" cover `wanted`; write includes read."""
    room, _, verb = wanted.partition(":")
    return any(scope in ("*", wanted, f"{room}:write") for scope in granted) or (verb == "read" and "read" in granted)


class TokenAuth(HttpBearer):
    """Ninja authentication by bearer token; with `wanted`, the token must cover that scope."""

    def __init__(self, wanted: str | None = None) -> None:
        super().__init__()
        self.wanted = wanted

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        now = timezone.now()
        found = ApiToken.objects.filter(
            Q(expires_at=None) | Q(expires_at__gt=now), digest=digest(token), revoked_at=None
        ).first()
        if found is None:
            return None
        if self.wanted and not covers(found.scopes, self.wanted):
            raise HttpError(403, f"This token lacks the scope {self.wanted}.")
        if found.last_used_at is None or now - found.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
        return found


def scope(wanted: str) -> TokenAuth:
    """What an API operation asks for: `@router.get(..., auth=scope("logs:read"))`."""
    return TokenAuth(wanted)


def actor(request: HttpRequest) -> str:
    """Who acts, for the audit trail: a person's email or "token:NAME"."""
    token = getattr(request, "auth", None)
    if isinstance(token, ApiToken):
        return f"token:{token.name}"
    return request.user.email if isinstance(request.user, User) else "golive"

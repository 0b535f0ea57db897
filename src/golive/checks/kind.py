"""What a kind of check is: its keys in golive.toml, and how it asks once."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from golive.config.values import Duration, Resolved
from golive.kit.connections import Limits, Phases, Policy
from golive.kit.durations import format_duration
from golive.people.secrets import is_reference

SHORTEST = timedelta(seconds=1)


def _reference(value: Any) -> Any:
    if isinstance(value, str) and value and not is_reference(value):
        raise ValueError('a credential is only referred to: write "secret:NAME", "env:NAME" or "file:PATH"')
    return value


Reference = Annotated[str, BeforeValidator(_reference), WithJsonSchema({"type": "string", "format": "reference"})]


class Common(BaseModel):
    """The keys that every kind of check has."""

    model_config = ConfigDict(extra="forbid")
    kind: str
    """What kind of check it is; found from the scheme of `url` when left out."""
    every: Duration = timedelta(seconds=60)
    """How often; a failure is tried again at once, so that "60s" pages well within 2 minutes."""
    depends_on: list[Annotated[str, Field(max_length=63)]] = []
    """Checks that this one needs: while one of them is down, this one is shown as down but pages nobody."""

    @model_validator(mode="after")
    def _not_too_often(self) -> Self:
        if self.every < SHORTEST:
            raise ValueError('every is at least "1s"')
        return self

    @property
    def seen_from(self) -> list[str]:
        """The regions it is seen from; none means all."""
        return []

    def references(self) -> dict[str, str]:
        """References to credentials by the name under which `Asking.secrets` will hold what they refer to."""
        return {}

    def said(self) -> str:
        """The check in one line, as `golive apply` shows it."""
        plain = {"kind", "url", "every"}
        parts = [
            f"{field.alias or name} {_words(getattr(self, name))}"
            for name, field in type(self).model_fields.items()
            if name not in plain and getattr(self, name) != field.get_default(call_default_factory=True)
        ]
        return ", ".join([self.asked(), f"every {format_duration(self.every)}", *parts])

    def asked(self) -> str:
        """What it does, shortly."""
        return self.kind


class Probed(Common):
    """The keys of a check that golive makes by asking."""

    url: Resolved
    """What to ask."""
    timeout: Duration = timedelta(seconds=10)
    """The whole answer must be there by then."""
    latency: Duration | None = None
    """The longest the whole answer may take."""
    regions: list[Annotated[str, Field(max_length=40)]] = []
    """Regions to look from ("built-in" is golive itself); all when left out."""

    @model_validator(mode="after")
    def _patient(self) -> Self:
        if not timedelta(milliseconds=1) <= self.timeout <= timedelta(seconds=60):
            raise ValueError('timeout is between "1ms" and "60s"')
        return self

    @property
    def seen_from(self) -> list[str]:
        return self.regions

    def asked(self) -> str:
        return f"{self.kind} {self.url}"


class Placed(Probed):
    """The keys of a check that connects to a host and a port."""

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        place(self.url)
        if urlsplit(self.url).password is not None:
            raise ValueError("a password does not belong into url: it would be shown; use the key password")
        return self


DaysLeft = Annotated[int, Field(ge=0, le=3650)]


@dataclass(frozen=True)
class Asking:
    """What a kind needs besides its keys: the address to ask, credentials, the guard, and how to mark a request."""

    url: str
    limits: Limits
    policy: Policy
    at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """What was seen and whether it is what the check expects. `status` is an HTTP status, or 0."""

    ok: bool
    reason: str
    phases: Phases
    status: int = 0


@dataclass(frozen=True)
class Kind:
    """A kind of check. `ask` asks once; it raises OutboundError where there is no answer, and nothing else.

    A kind without `ask` is never probed: it waits to be told. `schemes` are those of `url` that mean this kind.
    """

    name: str
    section: type[Common]
    ask: Callable[[Any, Asking], Awaitable[Seen]] | None = None
    schemes: tuple[str, ...] = ()


def place(url: str, port: int = 0) -> tuple[str, int]:
    """Host and port of a URL; `port` when it names none. Raises ValueError."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError(f"{url!r} names no host; write {parts.scheme or 'tcp'}://HOST:PORT")
    return parts.hostname, parts.port or port


def certificate_trouble(until: datetime | None, days: int, at: datetime) -> str | None:
    """Why a certificate that expires at `until` does not have `days` left at `at`; None when it has."""
    if until is None:
        return "there is no certificate to look at"
    left = until - at
    if left < timedelta(days=days):
        return f"its certificate expires in {left.days} days ({until:%Y-%m-%d}), less than {days}"
    return None


def _words(value: Any) -> str:
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, list):
        return "/".join(str(one) for one in value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_words(one)}" for key, one in value.items()) + "}"
    return repr(value) if isinstance(value, str) else str(value).lower()

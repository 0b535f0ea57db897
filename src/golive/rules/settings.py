"""The six rules' settings with the cookbook's defaults: one model a rule, read from `[alerts]` of golive.toml."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from golive.config.values import Duration, Percent


class RuleKind(StrEnum):
    """The cookbook's six."""

    ERROR_RATE = "error_rate"
    P95 = "p95"
    POOL = "pool"
    DISK = "disk"
    WEBHOOK_FAILURES = "webhook_failures"
    SIGNUPS = "signups"


class RuleSettings(BaseModel):
    """What every rule has."""

    model_config = ConfigDict(extra="forbid")
    enabled: bool = True
    """Write `false` in place of the table to switch a rule off."""


class ErrorRate(RuleSettings):
    """Too large a share of requests fails (status 5xx or an error span), by service."""

    warning: Percent | None = 0.01
    """Warn above this share of requests."""
    critical: Percent | None = 0.05
    """Page above this share of requests."""
    window: Duration = timedelta(minutes=5)
    """The stretch judged when a minute has too few requests."""
    fast: Duration = timedelta(minutes=1)
    """The stretch judged first, so that an outage pages within 2 minutes."""
    minimum_requests: int = Field(default=20, ge=1)
    """With fewer requests in the window nothing is decided."""
    minimum_failures: int = Field(default=3, ge=1)
    """Fewer failures than this never fire, whatever their share."""


class P95(RuleSettings):
    """Requests are slow: the 95th percentile of response times, by service; single routes warn."""

    warning: Duration | None = None
    """Warn above this response time."""
    critical: Duration | None = timedelta(seconds=2)
    """Page above this response time. A single route above it warns."""
    window: Duration = timedelta(minutes=5)
    """The stretch judged when a minute has too few requests."""
    fast: Duration = timedelta(minutes=1)
    """The stretch judged first, so that an outage pages within 2 minutes."""
    minimum_requests: int = Field(default=20, ge=1)
    """With fewer requests in the window nothing is decided."""
    ignore: list[str] = []
    """Routes that may be slow, such as "/reports/export"."""


class Pool(RuleSettings):
    """Database connection pools run full: used connections of the most there may be, by pool."""

    warning: Percent | None = 0.80
    """Warn above this share of the pool."""
    critical: Percent | None = None
    """Page above this share of the pool."""
    window: Duration = timedelta(minutes=2)
    """Without a sample for this long the state is unknown."""


class Disk(RuleSettings):
    """Disks fill up: used space, by host and mount point."""

    warning: Percent | None = 0.85
    """Warn above this share of the disk."""
    critical: Percent | None = None
    """Page above this share of the disk."""
    window: Duration = timedelta(minutes=2)
    """Without a sample for this long the state is unknown."""
    paths: list[str] = ["/"]
    """Paths on golive's own host whose file systems it measures itself; other hosts send OpenTelemetry metrics."""


class WebhookFailures(RuleSettings):
    """Payment webhooks are not processed: failing requests (status 4xx, 5xx or an error span) of the declared route."""

    route: str | None = None
    """The route that receives payment webhooks, as in the spans' http.route: "/webhooks/payments"."""
    window: Duration = timedelta(minutes=5)
    """The stretch in which failures are counted."""
    warning: int | None = Field(default=1, ge=1)
    """Warn from this many failures."""
    critical: int | None = Field(default=3, ge=1)
    """Page from this many failures."""


class Signups(RuleSettings):
    """Nobody signs up any more."""

    window: Duration = timedelta(hours=24)
    """Fires when the window holds no signup."""
    event: str = ""
    """The event that counts as a signup; default: `[business] signup`."""
    severity: Annotated[str, Field(pattern="^(warning|critical)$")] = "warning"
    """"warning" notifies, "critical" pages."""


MODELS: dict[RuleKind, type[RuleSettings]] = {
    RuleKind.ERROR_RATE: ErrorRate,
    RuleKind.P95: P95,
    RuleKind.POOL: Pool,
    RuleKind.DISK: Disk,
    RuleKind.WEBHOOK_FAILURES: WebhookFailures,
    RuleKind.SIGNUPS: Signups,
}


def settings_of(kind: RuleKind, kept: Mapping[str, Any], override: Mapping[str, Any] | None = None) -> RuleSettings:
    """A rule's settings in force: what golive.toml says, with the console's override over it."""
    return MODELS[kind].model_validate({**kept, **(override or {})})


def kept_form(settings: RuleSettings) -> dict[str, Any]:
    """Settings as they are kept: JSON that `settings_of` reads back."""
    return settings.model_dump(mode="json")


def _short(key: str) -> Callable[[Any], Any]:
    """Accept a plain value for the main key of a rule, and false to switch it off: `p95 = "1.5s"`."""

    def expand(value: Any) -> Any:
        if isinstance(value, bool):
            return {"enabled": value}
        return {key: value} if isinstance(value, str | int | float) else value

    return expand


class AlertsSection(BaseModel):
    """The cookbook's six rules. All are on by default; what is written here overrides."""

    model_config = ConfigDict(extra="forbid")
    error_rate: Annotated[ErrorRate, BeforeValidator(_short("critical"))] = ErrorRate()
    """Share of failing requests; a plain value such as "2%" is `critical`."""
    p95: Annotated[P95, BeforeValidator(_short("critical"))] = P95()
    """Response time; a plain value such as "1.5s" is `critical`."""
    pool: Annotated[Pool, BeforeValidator(_short("warning"))] = Pool()
    """Database connection pools; a plain value such as "70%" is `warning`."""
    disk: Annotated[Disk, BeforeValidator(_short("warning"))] = Disk()
    """Disk usage; a plain value such as "90%" is `warning`."""
    webhook_failures: Annotated[WebhookFailures, BeforeValidator(_short("route"))] = WebhookFailures()
    """Payment webhooks; a plain value is `route`."""
    signups: Annotated[Signups, BeforeValidator(_short("window"))] = Signups()
    """Signups; a plain value such as "12h" is `window`."""

    def by_kind(self) -> dict[RuleKind, RuleSettings]:
        return {kind: getattr(self, kind.value) for kind in RuleKind}

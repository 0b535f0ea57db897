"""The six rules' settings with the cookbook's defaults: one model a rule, read from `[alerts]` of golive.toml."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from golive.config.values import Duration, Percent, resolve
from golive.kit.durations import DurationError, parse_duration
from golive.rules.expression import ExpressionError, parse


class RuleKind(StrEnum):
    """The cookbook's six, and the kinds of rule that a project declares itself."""

    ERROR_RATE = "error_rate"
    P95 = "p95"
    POOL = "pool"
    DISK = "disk"
    WEBHOOK_FAILURES = "webhook_failures"
    SIGNUPS = "signups"
    THRESHOLD = "threshold"
    ABSENCE = "absence"
    CHANGE = "change"
    ANOMALY = "anomaly"
    BURN = "burn"
    ERRORS = "errors"


COOKBOOK = (
    RuleKind.ERROR_RATE,
    RuleKind.P95,
    RuleKind.POOL,
    RuleKind.DISK,
    RuleKind.WEBHOOK_FAILURES,
    RuleKind.SIGNUPS,
)


class RuleSettings(BaseModel):
    """What every rule has."""

    model_config = ConfigDict(extra="forbid")
    enabled: bool = True
    """Write `false` in place of the table to switch a rule off."""
    runbook: Annotated[str, Field(max_length=50_000)] = ""
    """What to do when it fires, in Markdown: the text itself, or "file:runbooks/errors.md". Shown on its incidents."""


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


Loud = Annotated[str, Field(pattern="^(warning|critical)$")]
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def _level(value: Any) -> Any:
    """A threshold: a number, "5%" as a share, or a duration such as "2s" in milliseconds."""
    if isinstance(value, bool):
        raise ValueError('write a number, a percentage like "5%" or a duration like "2s"')
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if text.endswith("%") and _NUMBER.fullmatch(text[:-1].strip()):
        return float(text[:-1]) / 100
    try:
        return parse_duration(text).total_seconds() * 1000
    except DurationError:
        raise ValueError('write a number, a percentage like "5%" or a duration like "2s"') from None


Level = Annotated[float, BeforeValidator(_level)]


class Declared(RuleSettings):
    """What every declared rule has."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    title: Annotated[str, Field(max_length=120)] = ""
    """What people read when it fires; default: the rule's name."""
    service: Annotated[str, Field(max_length=120)] = ""
    """The service whose incident it belongs to, where the query is not by service."""
    hold: Duration = Field(default=timedelta(0), alias="for")
    """How long a breach must last before it fires."""
    recover: Duration = timedelta(minutes=1)
    """How long the value must be well below the threshold before it recovers."""
    together: bool = False
    """All series of the query are one alert, told by the worst, in place of one each."""


class Query(Declared):
    """What every rule over a query has."""

    query: str
    """The query, like 'count(logs{level:>=error}) by service'; see the guide on rules."""
    window: Duration = Field(default=timedelta(minutes=5), ge=timedelta(seconds=10), le=timedelta(days=7))
    """The stretch over which the value is computed."""

    @field_validator("query")
    @classmethod
    def _query_is_understood(cls, text: str) -> str:
        try:
            parse(text)
        except ExpressionError as error:
            raise ValueError(str(error)) from None
        return text


class Threshold(Query):
    """The value of a query is above or below a threshold."""

    kind: Literal["threshold"] = "threshold"
    direction: Literal["above", "below"] = "above"
    """Which side of the threshold is bad."""
    warning: Level | None = None
    """Warn from here: a number, "5%" or "2s"."""
    critical: Level | None = None
    """Page from here."""

    @model_validator(mode="after")
    def _some_level(self) -> "Threshold":
        _leveled(self.warning, self.critical)
        return self


class Absence(Query):
    """What used to arrive does not arrive any more: a count query is 0, for each of its series."""

    kind: Literal["absence"] = "absence"
    remember: Duration = Field(default=timedelta(hours=24), le=timedelta(days=7))
    """What arrived within this time is missed."""
    severity: Loud = "warning"
    """"warning" notifies, "critical" pages."""


class Change(Query):
    """The value differs by a share from what it was earlier: revenue that drops, errors that rise."""

    kind: Literal["change"] = "change"
    against: Duration = Field(default=timedelta(days=7), ge=timedelta(seconds=10), le=timedelta(days=60))
    """How much earlier the same window lies that it is compared with."""
    direction: Literal["drop", "rise", "any"] = "drop"
    """Which change is bad."""
    warning: Level | None = None
    """Warn from this change, like "30%"."""
    critical: Level | None = None
    """Page from this change."""
    minimum: float = Field(default=10, ge=0)
    """With an earlier value below this nothing is decided."""

    @model_validator(mode="after")
    def _some_level(self) -> "Change":
        _leveled(self.warning, self.critical)
        return self


class Anomaly(Query):
    """The value is unlike the same hour of past weeks: far from their median, in units of their usual spread."""

    kind: Literal["anomaly"] = "anomaly"
    weeks: int = Field(default=4, ge=2, le=8)
    """How many past weeks are looked at."""
    direction: Literal["drop", "rise", "any"] = "any"
    """Which deviation is bad."""
    warning: float | None = Field(default=4.0, gt=0)
    """Warn from this many spreads away."""
    critical: float | None = Field(default=None, gt=0)
    """Page from this many spreads away."""
    minimum: float = Field(default=10, ge=0)
    """With a usual value below this nothing is decided."""


class Burn(Declared):
    """The error budget of an SLO burns too fast, in a long and a short window at once."""

    kind: Literal["burn"] = "burn"
    objective: Annotated[Percent, Field(gt=0.5, lt=1)] = 0.999
    """The share of requests that must be good."""
    route: str = ""
    """Only requests of this route; a * at its end stands for anything."""
    latency: Duration | None = None
    """Requests slower than this are bad too."""
    period: Duration = Field(default=timedelta(days=30), ge=timedelta(days=1), le=timedelta(days=90))
    """The time for which the budget is meant."""


class ErrorGroups(Declared):
    """A new kind of error appears, or a resolved one comes back."""

    kind: Literal["errors"] = "errors"
    new: bool = True
    """Fire for errors never seen before."""
    regressed: bool = True
    """Fire for errors that were resolved."""
    window: Duration = timedelta(minutes=15)
    """It recovers when the error has not been seen for so long, or somebody resolves or ignores it."""
    severity: Loud = "warning"
    """"warning" notifies, "critical" pages."""


def _leveled(*levels: float | None) -> None:
    if not any(level is not None for level in levels):
        raise ValueError("say when it fires: warning or critical")


MODELS: dict[RuleKind, type[RuleSettings]] = {
    RuleKind.ERROR_RATE: ErrorRate,
    RuleKind.P95: P95,
    RuleKind.POOL: Pool,
    RuleKind.DISK: Disk,
    RuleKind.WEBHOOK_FAILURES: WebhookFailures,
    RuleKind.SIGNUPS: Signups,
    RuleKind.THRESHOLD: Threshold,
    RuleKind.ABSENCE: Absence,
    RuleKind.CHANGE: Change,
    RuleKind.ANOMALY: Anomaly,
    RuleKind.BURN: Burn,
    RuleKind.ERRORS: ErrorGroups,
}
DeclaredRule = Annotated[
    Annotated[Threshold, Tag("threshold")]
    | Annotated[Absence, Tag("absence")]
    | Annotated[Change, Tag("change")]
    | Annotated[Anomaly, Tag("anomaly")]
    | Annotated[ErrorGroups, Tag("errors")],
    Discriminator(
        lambda told: told.get("kind", "threshold") if isinstance(told, dict) else getattr(told, "kind", ""),
        custom_error_type="kind",
        custom_error_message="one of the kinds threshold, absence, change, anomaly, errors",
    ),
]


def settings_of(kind: RuleKind, kept: Mapping[str, Any], override: Mapping[str, Any] | None = None) -> RuleSettings:
    """A rule's settings in force: what golive.toml says, with the console's override over it."""
    return MODELS[kind].model_validate({**kept, **(override or {})})


def kept_form(settings: RuleSettings) -> dict[str, Any]:
    """Settings as they are kept: JSON that `settings_of` reads back."""
    return settings.model_dump(mode="json", by_alias=True)


def with_runbooks(section: Any) -> Any:
    """A section of the file with its runbooks read. Only the file may refer to files: never the console or the API."""
    if not isinstance(section, dict):
        return section
    return {
        name: {**rule, "runbook": resolve(rule["runbook"])} if isinstance(rule, dict) and "runbook" in rule else rule
        for name, rule in section.items()
    }


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

    _runbooks = model_validator(mode="before")(with_runbooks)

    def by_kind(self) -> dict[RuleKind, RuleSettings]:
        return {kind: getattr(self, kind.value) for kind in COOKBOOK}

"""Decide whether a rule's instance fires. Pure: readings and time come in, a decision with its reason goes out.

A step to a bad level must page within 2 minutes. So requests are judged over the narrowest window that holds enough of
them (`fast`, else `window`), a breach has to hold for one evaluation more, and recovery needs the value to stay below
nine tenths of the threshold for a minute (hysteresis), so that a value near the threshold does not flap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from golive.alerts.models import Severity, State
from golive.kit.durations import format_duration
from golive.rules.settings import P95, Disk, ErrorRate, Pool, Signups, WebhookFailures

CLEAR_SHARE = 0.9
QUIET = timedelta(minutes=1)


@dataclass(frozen=True)
class Timing:
    """How long a breach must hold, a recovery must hold, and silence is borne before the state is unknown.

    `silence` is for what fires; what was well is unknown after at most a minute, for its window was empty already.
    """

    hold: timedelta = timedelta(seconds=8)  # a second evaluation, 10 s after the first, give or take
    clear: timedelta = timedelta(seconds=55)
    silence: timedelta = timedelta(minutes=5)


@dataclass(frozen=True)
class Reading:
    """What one instance of a rule reads now.

    `breach` is how loudly the value breaks its threshold, None when it does not; `clear` says that it is well below.
    `known` False means that nothing can be said (no data, too few requests), and `text` says why.
    """

    key: str
    subject: str
    text: str
    known: bool = True
    breach: Severity | None = None
    clear: bool = False
    value: float | None = None
    threshold: float | None = None
    service: str = ""
    environment: str = "production"
    title: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Memory:
    """What is remembered of an instance between evaluations."""

    state: State = State.UNKNOWN
    severity: Severity = Severity.INFO
    warning_since: datetime | None = None
    critical_since: datetime | None = None
    clear_since: datetime | None = None
    silent_since: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """The memory afterwards, whether that is a transition, and when what caused it began."""

    memory: Memory
    flipped: bool
    reason: str
    began_at: datetime | None = None


def decide(memory: Memory, reading: Reading, timing: Timing, now: datetime) -> Decision:
    """What an instance's state becomes at `now`."""
    if not reading.known:
        return _silent(memory, reading, timing, now)
    warning = (memory.warning_since or now) if reading.breach else None
    critical = (memory.critical_since or now) if reading.breach == Severity.CRITICAL else None
    clear = (memory.clear_since or now) if reading.clear else None
    loud = _loudness(warning, critical, timing, now)
    if memory.state == State.FIRING:
        if loud == Severity.CRITICAL and memory.severity != Severity.CRITICAL:
            kept = Memory(State.FIRING, Severity.CRITICAL, warning, critical)
            return Decision(kept, True, reading.text, critical)
        if clear and now - clear >= timing.clear:
            return Decision(Memory(State.OK), True, reading.text, clear)
        return Decision(Memory(State.FIRING, memory.severity, warning, critical, clear), False, reading.text)
    if loud:
        began = critical if loud == Severity.CRITICAL else warning
        return Decision(Memory(State.FIRING, loud, warning, critical), True, reading.text, began)
    if reading.breach:  # it has to hold a little longer
        return Decision(Memory(memory.state, memory.severity, warning, critical), False, reading.text)
    return Decision(Memory(State.OK), memory.state != State.OK, reading.text, now)


def _loudness(warning: datetime | None, critical: datetime | None, timing: Timing, now: datetime) -> Severity | None:
    if critical and now - critical >= timing.hold:
        return Severity.CRITICAL
    return Severity.WARNING if warning and now - warning >= timing.hold else None


def _silent(memory: Memory, reading: Reading, timing: Timing, now: datetime) -> Decision:
    since = memory.silent_since or now
    patience = timing.silence if memory.state == State.FIRING else min(timing.silence, QUIET)
    if memory.state != State.UNKNOWN and now - since >= patience:
        return Decision(Memory(State.UNKNOWN, silent_since=since), True, reading.text, since)
    kept = Memory(memory.state, memory.severity, clear_since=None, silent_since=since)
    return Decision(kept, False, reading.text)


@dataclass(frozen=True)
class Requests:
    """Requests of a service, or of one of its routes, over the fast and the whole window; p95 in milliseconds."""

    environment: str
    service: str
    route: str | None  # None: all routes together
    fast_requests: int
    fast_failures: int
    fast_p95_ms: float
    requests: int
    failures: int
    p95_ms: float


def _key(environment: str, *parts: str) -> str:
    """An instance's key: the environment is named only where it is not production."""
    return "/".join((*(() if environment == "production" else (environment,)), *parts))[:200]


def error_rate(one: Requests, routes: Sequence[Requests], settings: ErrorRate) -> Reading:
    """A service's share of failing requests."""
    enough = one.fast_requests >= settings.minimum_requests
    requests, failures = (one.fast_requests, one.fast_failures) if enough else (one.requests, one.failures)
    window = min(settings.fast, settings.window) if enough else settings.window
    base: dict[str, Any] = {
        "key": _key(one.environment, one.service),
        "subject": one.service,
        "service": one.service,
        "environment": one.environment,
    }
    if requests < settings.minimum_requests:
        return Reading(**base, known=False, text=_too_few(requests, settings))
    rate = failures / requests
    told = failures >= settings.minimum_failures
    breach, threshold = _breach(rate, settings.warning, settings.critical) if told else (None, settings.critical)
    worst = sorted(routes, key=lambda route: route.failures, reverse=True)[:3]
    return Reading(
        **base,
        text=f"{_percent(rate)} of requests fail ({failures} of {requests} in {format_duration(window)}"
        + (f"; threshold {_percent(threshold)})" if threshold is not None else ")"),
        breach=breach,
        clear=_clear(rate, settings.warning, settings.critical) or not told,
        value=rate,
        threshold=threshold,
        title=f"Error rate {_percent(rate)} in {one.service}",
        evidence={
            "window_seconds": window.total_seconds(),
            "requests": requests,
            "failures": failures,
            "routes": [{"route": route.route, "failures": route.failures} for route in worst if route.failures],
        },
    )


def p95(one: Requests, routes: Sequence[Requests], settings: P95) -> Reading:
    """A service's response time. All routes together break the threshold as they are; a single route only warns."""
    judged = [_p95_of(part, settings) for part in (one, *routes) if (part.route or "") not in settings.ignore]
    known = [each for each in judged if each is not None]
    base: dict[str, Any] = {
        "key": _key(one.environment, one.service),
        "subject": one.service,
        "service": one.service,
        "environment": one.environment,
    }
    whole = judged[0]
    if whole is None:
        return Reading(**base, known=False, text=_too_few(one.requests, settings))
    warning, critical = _milliseconds(settings.warning), _milliseconds(settings.critical)
    breach, threshold = _breach(whole[0], warning, critical)
    slowest = max(known, key=lambda each: each[0])
    value, requests, window, route = whole
    if breach is None and _breach(slowest[0], warning, critical)[0]:
        breach = Severity.WARNING
        value, requests, window, route = slowest
    where = f"{one.service} {route}" if route else one.service
    return Reading(
        **base,
        text=f"p95 of {where} is {_ms(value)} ({requests} requests in {format_duration(window)}"
        + (f"; threshold {_ms(threshold)})" if threshold is not None else ")"),
        breach=breach,
        clear=all(_clear(each[0], warning, critical) for each in known),
        value=value,
        threshold=threshold,
        title=f"p95 {_ms(value)} in {where}",
        evidence={
            "window_seconds": window.total_seconds(),
            "requests": requests,
            "routes": [
                {"route": each[3], "p95_ms": round(each[0], 1), "requests": each[1]}
                for each in sorted(known, key=lambda each: each[0], reverse=True)[:3]
                if each[3]
            ],
        },
    )


def _p95_of(part: Requests, settings: P95) -> tuple[float, int, timedelta, str | None] | None:
    """The p95 (ms), its requests and window, over the narrowest window with enough of them."""
    if part.fast_requests >= settings.minimum_requests:
        return part.fast_p95_ms, part.fast_requests, min(settings.fast, settings.window), part.route
    if part.requests >= settings.minimum_requests:
        return part.p95_ms, part.requests, settings.window, part.route
    return None


@dataclass(frozen=True)
class Usage:
    """How full a pool or a disk is, by its latest sample."""

    environment: str
    service: str
    name: str
    used: float
    most: float


def pool(name: str, usages: Sequence[Usage], settings: Pool) -> Reading:
    """A connection pool's fullest instance; each process of a service has a pool of its own."""
    first = usages[0]
    subject = f"{first.service} {name}".strip()
    base: dict[str, Any] = {
        "key": _key(first.environment, first.service, name),
        "subject": subject,
        "service": first.service,
        "environment": first.environment,
    }
    limited = [usage for usage in usages if usage.most > 0]
    if not limited:
        return Reading(**base, known=False, text="the pool's size is not known: no db.client.connections.max arrives")
    fullest = max(limited, key=lambda usage: usage.used / usage.most)
    share = fullest.used / fullest.most
    breach, threshold = _breach(share, settings.warning, settings.critical)
    return Reading(
        **base,
        text=f"{fullest.used:g} of {fullest.most:g} connections of {subject} are in use ({_percent(share)}"
        + (f"; threshold {_percent(threshold)})" if threshold is not None else ")"),
        breach=breach,
        clear=_clear(share, settings.warning, settings.critical),
        value=share,
        threshold=threshold,
        title=f"Connection pool {_percent(share)} full: {subject}",
        evidence={"used": fullest.used, "max": fullest.most, "instances": len(usages)},
    )


def disk(usage: Usage, settings: Disk) -> Reading:
    """A file system; `service` is the host here and `name` the mount point."""
    share = usage.used / usage.most
    breach, threshold = _breach(share, settings.warning, settings.critical)
    subject = f"{usage.service}:{usage.name}"
    return Reading(
        key=_key(usage.environment, subject),
        subject=subject,
        environment=usage.environment,
        text=f"{usage.name} on {usage.service} is {_percent(share)} full"
        + (f" (threshold {_percent(threshold)})" if threshold is not None else ""),
        breach=breach,
        clear=share <= (settings.warning or settings.critical or 1.0) - 0.01,
        value=share,
        threshold=threshold,
        title=f"Disk {_percent(share)} full: {subject}",
        evidence={"host": usage.service, "mountpoint": usage.name},
    )


@dataclass(frozen=True)
class Deliveries:
    """Webhook requests in the window."""

    environment: str
    service: str
    requests: int
    failures: int
    statuses: Sequence[str] = ()


def webhook_failures(one: Deliveries, settings: WebhookFailures) -> Reading:
    """Failing payment webhooks: single ones matter, so they are counted, not put in relation."""
    breach: Severity | None = None
    if settings.critical is not None and one.failures >= settings.critical:
        breach = Severity.CRITICAL
    elif settings.warning is not None and one.failures >= settings.warning:
        breach = Severity.WARNING
    threshold = settings.critical if breach == Severity.CRITICAL or settings.warning is None else settings.warning
    return Reading(
        key=_key(one.environment, one.service, settings.route or ""),
        subject=f"{one.service} {settings.route}",
        service=one.service,
        environment=one.environment,
        text=f"{one.failures} of {one.requests} payment webhooks failed in {format_duration(settings.window)}",
        breach=breach,
        clear=breach is None,
        value=float(one.failures),
        threshold=None if threshold is None else float(threshold),
        title=f"{one.failures} payment webhooks failed",
        evidence={"requests": one.requests, "failures": one.failures, "statuses": list(one.statuses)},
    )


@dataclass(frozen=True)
class SignupCount:
    """Signups in the window, and since when business events arrive at all."""

    count: int
    last_at: datetime | None
    first_event_at: datetime | None


def signups(one: SignupCount, settings: Signups, now: datetime) -> Reading:
    """No signup for the window. A product that has sent events for less than that is not judged yet."""
    base: dict[str, Any] = {"key": "signups", "subject": "signups"}
    window = format_duration(settings.window)
    if one.first_event_at is None:
        return Reading(**base, known=False, text="no business event has ever arrived")
    age = now - one.first_event_at
    if one.count == 0 and age < settings.window:
        text = f"no signup yet; events arrive since {format_duration(age)}, judged after {window}"
        return Reading(**base, known=False, text=text)
    last = f"the last was {format_duration(now - one.last_at)} ago" if one.last_at else "there never was one"
    return Reading(
        **base,
        text=f"no signup in {window}; {last}" if one.count == 0 else f"{one.count} signups in {window}",
        breach=Severity(settings.severity) if one.count == 0 else None,
        clear=one.count > 0,
        value=float(one.count),
        threshold=1.0,
        title=f"No signup for {window}",
        evidence={"count": one.count, "last_at": one.last_at.isoformat() if one.last_at else None},
    )


def _too_few(requests: int, settings: ErrorRate | P95) -> str:
    window = format_duration(settings.window)
    return f"too few requests to judge: {requests} in {window}, {settings.minimum_requests} needed"


def _breach(value: float, warning: float | None, critical: float | None) -> tuple[Severity | None, float | None]:
    """How loudly a value breaks its thresholds, and the threshold to name."""
    if critical is not None and value > critical:
        return Severity.CRITICAL, critical
    if warning is not None and value > warning:
        return Severity.WARNING, warning
    return None, warning if warning is not None else critical


def _clear(value: float, warning: float | None, critical: float | None) -> bool:
    lowest = min((level for level in (warning, critical) if level is not None), default=None)
    return lowest is None or value <= lowest * CLEAR_SHARE


def _milliseconds(value: timedelta | None) -> float | None:
    return None if value is None else value.total_seconds() * 1000


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share * 100:.3g} %"


def _ms(value: float | None) -> str:
    return "none" if value is None else format_duration(timedelta(milliseconds=round(value)))

"""Is the new release as good as the old? A pure judgement over what was seen since the switch, with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

FEWEST = 20  # requests, before a share of them means anything
FEWEST_ROUTE = 8
ERROR_SHARE = 0.01
ROUTE_SHARE = 0.5
SLOWER = 2.0
SLACK_MS = 100.0
LEAK_FACTOR, LEAK_EXTRA, LEAK_STEPS = 2, 8, 4


class Judgement(StrEnum):
    WAIT = "wait"
    PASS = "pass"  # noqa: S105
    FAIL = "fail"


@dataclass(frozen=True)
class Traffic:
    """Requests of one release in a stretch of time. `routes` holds (requests, failures) by route."""

    requests: int = 0
    failures: int = 0
    p95_ms: float | None = None
    routes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def error_share(self) -> float:
        return self.failures / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class Seen:
    """All that is known so far."""

    healthy: bool
    health_problem: str = ""
    restarts: int = 0
    ended: str = ""
    old: Traffic = Traffic()
    new: Traffic = Traffic()
    source: str = ""  # where the traffic was read: "telemetry" or "front"
    new_errors: Sequence[str] = ()
    smoke: Mapping[str, str] = field(default_factory=dict)  # failed smoke test -> why
    smoke_done: bool = True
    old_connections: int | None = None
    connections: Sequence[int] = ()  # the new release's to its database, oldest first


@dataclass(frozen=True)
class Verdict:
    judgement: Judgement
    reason: str


def judge(seen: Seen, elapsed: float, watch: float, slack_ms: float = SLACK_MS) -> Verdict:
    """Fail as soon as it is certain, pass when the watch is over (seconds) and nothing spoke against it.

    Slowness counts from half the watch on, since starting costs the machine time; `slack_ms` is how much p95 may grow.
    """
    for finding in (_unhealthy, _dying, _smoke, _errors, _route, _new_errors, _leak):
        if reason := finding(seen):
            return Verdict(Judgement.FAIL, reason)
    if elapsed >= watch / 2 and (reason := _slow(seen, slack_ms)):
        return Verdict(Judgement.FAIL, reason)
    if elapsed < watch or not seen.smoke_done:
        return Verdict(Judgement.WAIT, "watching")
    if seen.new.requests < FEWEST:
        return Verdict(Judgement.PASS, f"healthy; only {seen.new.requests} requests came, too few to compare")
    return Verdict(
        Judgement.PASS,
        f"healthy; {seen.new.requests} requests, {seen.new.error_share:.2%} failed (before {seen.old.error_share:.2%})",
    )


def _unhealthy(seen: Seen) -> str:
    return "" if seen.healthy else f"it is not healthy any more: {seen.health_problem}"


def _dying(seen: Seen) -> str:
    return f"its processes die: {seen.restarts} restarts ({seen.ended})" if seen.restarts else ""


def _smoke(seen: Seen) -> str:
    return "; ".join(f"smoke test {name} failed: {why}" for name, why in seen.smoke.items())


def _errors(seen: Seen) -> str:
    new, old = seen.new, seen.old
    if new.requests < FEWEST or new.error_share <= ERROR_SHARE or new.error_share <= 2 * old.error_share:
        return ""
    return f"{new.error_share:.1%} of {new.requests} requests failed, {old.error_share:.1%} before ({seen.source})"


def _route(seen: Seen) -> str:
    for route, (requests, failures) in seen.new.routes.items():
        before, failed = seen.old.routes.get(route, (0, 0))
        worse = failures / requests > 2 * (failed / before if before else 0.0) if requests else False
        if requests >= FEWEST_ROUTE and failures / requests >= ROUTE_SHARE and worse:
            was = f"{failed} of {before} before" if before else "not asked for before"
            return f"{route} failed {failures} of {requests} times, {was} ({seen.source})"
    return ""


def _new_errors(seen: Seen) -> str:
    return f"errors never seen before: {'; '.join(list(seen.new_errors)[:3])}" if seen.new_errors else ""


def _slow(seen: Seen, slack_ms: float) -> str:
    old, new = seen.old, seen.new
    if old.p95_ms is None or new.p95_ms is None or old.requests < FEWEST or new.requests < FEWEST:
        return ""
    if new.p95_ms > SLOWER * old.p95_ms and new.p95_ms - old.p95_ms > slack_ms:
        return f"p95 {new.p95_ms:.0f} ms, {old.p95_ms:.0f} ms before ({seen.source})"
    return ""


def _leak(seen: Seen) -> str:
    tail = list(seen.connections)[-LEAK_STEPS:]
    limit = LEAK_FACTOR * (seen.old_connections or 0) + LEAK_EXTRA
    rising = len(tail) == LEAK_STEPS and all(a < b for a, b in pairwise(tail))
    if rising and tail[-1] > limit:
        return f"it leaks database connections: {tail[-1]} and rising, {seen.old_connections or 0} before"
    return ""

"""How a component stands, judged by the conditions that speak for it. Unknown is never green."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Statuspage's words, and one it lacks: unknown."""

    OPERATIONAL = "operational"
    UNKNOWN = "unknown"
    MAINTENANCE = "under_maintenance"
    DEGRADED = "degraded_performance"
    PARTIAL = "partial_outage"
    MAJOR = "major_outage"


WORSE = list(Status)  # in this order
WORDS = {
    Status.OPERATIONAL: "Operational",
    Status.UNKNOWN: "No data",
    Status.MAINTENANCE: "Under maintenance",
    Status.DEGRADED: "Degraded performance",
    Status.PARTIAL: "Partial outage",
    Status.MAJOR: "Major outage",
}


@dataclass(frozen=True)
class Condition:
    """What is known of one check or rule. `state` is ok, firing or unknown; `severity` counts while it fires.

    `regional` says that it fires in some regions and is well in others.
    """

    source: str
    state: str
    severity: str = "critical"
    regional: bool = False


@dataclass(frozen=True)
class Standing:
    """A component's status, and why."""

    status: Status
    reason: str


def of_component(conditions: Sequence[Condition], said: Status | None = None) -> Standing:
    """Judge a component. `said` is what a responder said of it in an open notice; the worse of both counts.

    All checks firing critically is a major outage, some of them or in some regions a partial one, a critical rule is a
    partial outage, a warning degraded performance. A component of which nothing is known has no data.
    """
    measured = _measured(conditions)
    if said is not None and WORSE.index(said) > WORSE.index(measured.status):
        return Standing(said, "said by a responder")
    return measured


def _measured(conditions: Sequence[Condition]) -> Standing:
    checks = [condition for condition in conditions if condition.source.startswith("check:")]
    firing = [condition for condition in conditions if condition.state == "firing"]
    critical = [condition for condition in firing if condition.severity == "critical"]
    names = ", ".join(condition.source for condition in firing)
    if checks and all(check in critical for check in checks):
        return Standing(Status.MAJOR, f"every check fails: {names}")
    if critical or any(condition.regional for condition in firing):
        return Standing(Status.PARTIAL, f"failing: {names}")
    if firing:
        return Standing(Status.DEGRADED, f"slow or failing in part: {names}")
    known = [condition for condition in conditions if condition.state == "ok"]
    if not known:
        return Standing(Status.UNKNOWN, "nothing is known of it")
    if checks and all(check.state == "unknown" for check in checks):
        return Standing(Status.UNKNOWN, "no check has a result")
    return Standing(Status.OPERATIONAL, "everything that speaks for it is well")


@dataclass(frozen=True)
class Overall:
    """The page's first sentence. `indicator` is Statuspage's: none, minor, major, critical."""

    indicator: str
    sentence: str
    status: Status


def of_page(components: Mapping[str, Status], open_notices: int) -> Overall:
    """Judge the whole page from its components by name."""
    statuses = list(components.values())
    if not statuses:
        return Overall("minor", "Nothing is watched yet", Status.UNKNOWN)
    worst = max(statuses, key=WORSE.index)
    hit = sum(status == worst for status in statuses)
    match worst:
        case Status.MAJOR:
            if hit == len(statuses):
                return Overall("critical", "Major outage", worst)
            return Overall("major", "Some systems are down", worst)
        case Status.PARTIAL:
            return Overall("major", "Partial outage", worst)
        case Status.DEGRADED:
            return Overall("minor", "Degraded performance", worst)
        case Status.MAINTENANCE:
            return Overall("minor", "Maintenance in progress", worst)
        case Status.UNKNOWN:
            which = "any system" if hit == len(statuses) else "some systems"
            return Overall("minor", f"No data about {which}", worst)
        case Status.OPERATIONAL:
            pass
    if open_notices:
        return Overall("minor", "All systems operational; a recent incident is being watched", worst)
    return Overall("none", "All systems operational", worst)

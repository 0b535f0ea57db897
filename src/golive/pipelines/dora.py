"""DORA's measures from facts alone: deploys, rollbacks and incidents on record, commits' times. Nobody tags anything.

A production deploy failed when it was rolled back, or an incident began within an hour and before the next deploy.
It is rework when it follows a failed one within a day. https://dora.dev/guides/dora-metrics-four-keys/
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from golive.changes.models import Change, Kind
from golive.people.models import Project
from golive.pipelines.models import Run
from golive.pipelines.outcome import State

BLAMED_WITHIN = timedelta(hours=1)
REWORK_WITHIN = timedelta(days=1)


@dataclass(frozen=True)
class Deployed:
    """A deploy to production; `committed_at` is when its newest commit was made, where known."""

    at: datetime
    committed_at: datetime | None = None


@dataclass(frozen=True)
class Trouble:
    """An incident, or a rollback (which ends at once)."""

    began: datetime
    ended: datetime | None
    rollback: bool = False


@dataclass(frozen=True)
class Measures:
    """The five measures over a window; None is not known, never zero."""

    deploys: int
    per_day: float
    lead_time: timedelta | None
    failed: int
    fail_rate: float | None
    recovery: timedelta | None
    rework_rate: float | None


def measure(deploys: Sequence[Deployed], troubles: Sequence[Trouble], window: timedelta) -> Measures:
    """The measures of a window of time."""
    ordered = sorted(deploys, key=lambda one: one.at)
    bad = [_is_blamed(one, _next(ordered, index), troubles) for index, one in enumerate(ordered)]
    rework = [_follows_failure(ordered, bad, index) for index in range(len(ordered))]
    leads = [one.at - one.committed_at for one in ordered if one.committed_at]
    lasted = [one.ended - one.began for one in troubles if one.ended and not one.rollback]
    count = len(ordered)
    return Measures(
        deploys=count,
        per_day=count / max(window / timedelta(days=1), 1e-9),
        lead_time=_median(leads),
        failed=sum(bad),
        fail_rate=sum(bad) / count if count else None,
        recovery=_median(lasted),
        rework_rate=sum(rework) / count if count else None,
    )


def _median(found: Sequence[timedelta]) -> timedelta | None:
    return timedelta(seconds=median(one.total_seconds() for one in found)) if found else None


def _next(ordered: Sequence[Deployed], index: int) -> datetime | None:
    return ordered[index + 1].at if index + 1 < len(ordered) else None


def _is_blamed(deploy: Deployed, following: datetime | None, troubles: Sequence[Trouble]) -> bool:
    until = min(deploy.at + BLAMED_WITHIN, following or deploy.at + BLAMED_WITHIN)
    rolled = following or datetime.max.replace(tzinfo=deploy.at.tzinfo)
    return any(
        deploy.at <= one.began < (rolled if one.rollback else until)
        and (not one.rollback or one.began - deploy.at < REWORK_WITHIN)
        for one in troubles
    )


def _follows_failure(ordered: Sequence[Deployed], bad: Sequence[bool], index: int) -> bool:
    return index > 0 and bad[index - 1] and ordered[index].at - ordered[index - 1].at <= REWORK_WITHIN


def of_project(project: Project, now: datetime, window: timedelta) -> Measures:
    """A project's measures over the window that ends now."""
    found = Change.objects.filter(project=project, environment="production", at__gt=now - window, at__lte=now)
    shipped = Run.objects.filter(project=project, state=State.PASSED).exclude(committed_at=None).order_by("-number")
    committed = {str(run.data.get("release")): run.committed_at for run in shipped[:500] if run.data.get("release")}
    deploys = [Deployed(one.at, committed.get(one.release)) for one in found if one.kind == Kind.DEPLOY]
    troubles = [Trouble(one.at, one.until) for one in found if one.kind == Kind.INCIDENT]
    troubles += [Trouble(one.at, one.at, rollback=True) for one in found if one.kind == Kind.ROLLBACK]
    return measure(deploys, troubles, window)

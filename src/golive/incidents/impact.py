"""What an incident costs: requests that failed or never came, customers who met it, money that did not come in."""

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from golive.business.models import settings_of
from golive.errors.models import ErrorGroup
from golive.incidents.models import Incident
from golive.kit.named import queries
from golive.telemetry import store
from golive.telemetry.instants import seconds

QUERIES = queries(Path(__file__).with_name("impact.sql"))
MINUTE = timedelta(minutes=1)
AROUND = timedelta(minutes=30)
MOST_CUSTOMERS = 2000
POINTS = 90


@dataclass(frozen=True)
class Route:
    """A route that failed."""

    service: str
    method: str
    route: str
    requests: int
    failures: int


@dataclass(frozen=True)
class Customer:
    """Somebody who met a failure; `id` is what the traces call them."""

    id: str
    failures: int


@dataclass(frozen=True)
class Impact:
    """Counted from traces and events, without synthetic traffic. None: not known, for there was nothing to compare.

    `missing`: requests fewer than in the same stretch a week before. `lost_minor`: money short of the mean of the same
    stretch in the weeks before; `lost_hourly_minor` the same for an hour.
    """

    requests: int
    failed: int
    missing: int | None
    customers: int
    lost_minor: int | None
    lost_hourly_minor: int | None
    currency: str
    routes: list[Route] = field(default_factory=list)
    hardest_hit: list[Customer] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_plain(cls, kept: dict[str, Any]) -> "Impact":
        lists = {
            "routes": [Route(**one) for one in kept.get("routes", [])],
            "hardest_hit": [Customer(**one) for one in kept.get("hardest_hit", [])],
        }
        return cls(**(kept | lists))


def short_of(now: int, before: int, weeks: int) -> int | None:
    """How much less than the mean of the weeks before; None without them, never below nothing."""
    return max(round(before / weeks) - now, 0) if weeks else None


def hourly(amount: int | None, lasting: timedelta) -> int | None:
    """An amount of a stretch for an hour of it."""
    return None if amount is None or lasting <= timedelta(0) else round(amount * timedelta(hours=1) / lasting)


def stretch(incident: Incident, now: datetime) -> tuple[datetime, datetime]:
    """From the whole minute in which it began to where it ended, or now."""
    since = incident.began_at.replace(second=0, microsecond=0)
    return since, max(incident.mitigated_at or now, since + MINUTE)


def measure(incident: Incident, now: datetime) -> Impact:
    """Ask the store. Raises StoreError."""
    since, until = stretch(incident, now)
    settings = settings_of(incident.project)
    where = _where(incident) | {"since": seconds(since), "until": seconds(until)}
    totals = store.row(QUERIES["totals"], **where)
    routes = store.rows(QUERIES["routes"], **where)
    people = store.rows(QUERIES["customers"], **where, limit=10)
    stretch_only = {name: where[name] for name in ("project", "since", "until")}
    money = store.row(QUERIES["money"], **stretch_only, name=settings.revenue, currency=settings.currency)
    lost = short_of(money["now"], money["before"], money["weeks"])
    then = totals["total_then"]
    return Impact(
        requests=totals["total"],
        failed=totals["failed"],
        missing=max(then - totals["total"], 0) if then else None,
        customers=people[0]["hit"] if people else 0,
        lost_minor=lost,
        lost_hourly_minor=hourly(lost, until - since),
        currency=settings.currency,
        routes=[Route(**row) for row in routes],
        hardest_hit=[Customer(row["user_id"], row["failures"]) for row in people],
    )


def customers(incident: Incident, now: datetime) -> list[Customer]:
    """Everybody who met a failure, at most 2 000, the hardest hit first. Raises StoreError."""
    since, until = stretch(incident, now)
    where = _where(incident) | {"since": seconds(since), "until": seconds(until)}
    rows = store.rows(QUERIES["customers"], **where, limit=MOST_CUSTOMERS)
    return [Customer(row["user_id"], row["failures"]) for row in rows]


def curve(incident: Incident, now: datetime) -> dict[str, list[float | None]]:
    """Requests, failures and p95 (ms) from half an hour before to half an hour after, for charts. Raises StoreError."""
    since, until = stretch(incident, now)
    since, until = since - AROUND, min(until + AROUND, now + MINUTE)
    step = max(60, -(-int((until - since).total_seconds()) // POINTS // 60) * 60)
    rows = store.rows(QUERIES["curve"], **_where(incident), since=seconds(since), until=seconds(until), step=step)
    known = {row["bucket"]: row for row in rows}
    first = seconds(since) // step * step
    times = list(range(first, seconds(until), step))
    return {
        "times": [float(at) for at in times],
        "requests": [float(known[at]["total"]) if at in known else 0.0 for at in times],
        "failures": [float(known[at]["failed"]) if at in known else 0.0 for at in times],
        "p95": [float(known[at]["p95"]) if at in known else None for at in times],
    }


def new_errors(incident: Incident, now: datetime) -> list[ErrorGroup]:
    """Error groups that were first seen, or came back, since shortly before it began."""
    since, until = stretch(incident, now)
    groups = ErrorGroup.objects.filter(project=incident.project)
    fresh = groups.filter(first_seen__gte=since - timedelta(minutes=5), first_seen__lte=until + AROUND)
    back = groups.filter(regressed_at__gte=since - timedelta(minutes=5), regressed_at__lte=until + AROUND)
    return list((fresh | back).order_by("-last_seen")[:8])


def _where(incident: Incident) -> dict[str, Any]:
    return {"project": incident.project.slug, "service": incident.service, "environment": incident.environment}

"""The four numbers of every morning: signups, active users, revenue, API usage. Synthetic traffic never counts."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from golive.business.compare import Delta, delta, midnight
from golive.business.models import BusinessSettings
from golive.console import words
from golive.console.charts import Band, Chart, Draw, Mark, Series
from golive.console.window import Window
from golive.kit.named import queries
from golive.people.models import Project
from golive.telemetry import store
from golive.telemetry.instants import milliseconds

QUERIES = queries(Path(__file__).parent / "queries.sql")
HOUR = 3600


@dataclass(frozen=True)
class Figure:
    """One number of the business. `value` None: nothing of the kind was ever received, as `missing` says."""

    name: str
    label: str
    value: float | None
    text: str
    period: str
    delta: Delta
    also: list[str] = field(default_factory=list)
    trend: list[float | None] = field(default_factory=list)
    missing: str = ""


def steps_of(
    query: str,
    project: Project,
    since: datetime,
    until: datetime,
    step: int,
    earlier: timedelta = timedelta(0),
    **more: Any,
) -> dict[int, Any]:
    """Rows of a `*_steps` query by the start of their step; also those of the window `earlier` before."""
    found = store.rows(
        QUERIES[query],
        project=project.slug,
        since=milliseconds(since),
        until=milliseconds(until),
        step=step,
        earlier=int(earlier.total_seconds() * 1000),
        **more,
    )
    return {int(row["bucket"]): row for row in found}


def day_trend(
    query: str, column: str, project: Project, now: datetime, first: datetime | None, **more: Any
) -> list[float | None]:
    """The last 24 hours by the hour; None before the first that is known."""
    since = now - timedelta(hours=24)
    found = steps_of(query, project, since, now, HOUR, **more)
    start = int(since.timestamp()) // HOUR * HOUR + HOUR
    known = first.timestamp() - HOUR if first else 0
    return [
        float(found[at][column]) if at in found else (0.0 if at >= known else None)
        for at in range(start, int(now.timestamp()) + 1, HOUR)
    ]


def signups(project: Project, settings: BusinessSettings, now: datetime) -> Figure:
    """Signups today, against the same part of this weekday last week."""
    rows = _event_days(project, settings.signup, now)
    today, then = sum(row["today"] for row in rows), sum(row["last_week"] for row in rows)
    first = min((row["first"] for row in rows), default=None)
    week = sum(row["week"] for row in rows)
    return Figure(
        "signups",
        "Signups",
        float(today) if rows else None,
        words.grouped(today),
        "today",
        delta(today if rows else None, then if _reaches_back(first, now) else None, now),
        [f"{words.grouped(week)} in 7 days"],
        day_trend("event_steps", "events", project, now, first, name=settings.signup, currency="") if rows else [],
        f"No {settings.signup} event has arrived.",
    )


def revenue(project: Project, settings: BusinessSettings, now: datetime) -> Figure:
    """Money received today in the project's currency; other currencies stand beside it, unconverted."""
    rows = _event_days(project, settings.revenue, now)
    ours = [row for row in rows if row["currency"] in (settings.currency, "")]
    others = [row for row in rows if row["currency"] not in (settings.currency, "")]
    today, then = sum(row["amount_today"] for row in ours), sum(row["amount_last_week"] for row in ours)
    week = sum(row["amount_week"] for row in ours)
    first = min((row["first"] for row in rows), default=None)
    also = [f"{amount(week, settings.currency)} in 7 days"]
    also += [f"and {words.money(row['amount_today'], row['currency'])}" for row in others if row["amount_today"]]
    return Figure(
        "revenue",
        "Revenue",
        float(today) if rows else None,
        amount(today, settings.currency),
        "today",
        delta(today if rows else None, then if _reaches_back(first, now) else None, now),
        also,
        day_trend("event_steps", "amount", project, now, first, name=settings.revenue, currency=settings.currency)
        if rows
        else [],
        f"No {settings.revenue} event has arrived.",
    )


def active(project: Project, settings: BusinessSettings, now: datetime) -> Figure:
    """People seen in the last 24 hours, and right now."""
    row = store.row(QUERIES["active"], project=project.slug, now=milliseconds(now))
    known = bool(row and row["known"])
    return Figure(
        "active-users",
        "Active users",
        float(row["day"]) if known else None,
        words.grouped(row["day"]) if known else "",
        "in 24 h",
        delta(row["day"] if known else None, (row["last_week"] or None) if known else None, now),
        [f"{words.grouped(row['lately'])} in the last 5 minutes"] if known else [],
        day_trend("active_steps", "people", project, now, None) if known else [],
        "No request or event with a user.id has arrived.",
    )


def api_usage(project: Project, settings: BusinessSettings, now: datetime) -> Figure:
    """Requests to the API today."""
    row = store.row(
        QUERIES["api_days"],
        project=project.slug,
        prefix=settings.api,
        today=int(midnight(now).timestamp()),
        now=int(now.timestamp()),
    )
    known = bool(row and row["known"])
    return Figure(
        "api-usage",
        "API requests",
        float(row["today"]) if known else None,
        words.compact(row["today"]) if known else "",
        "today",
        delta(row["today"] if known else None, row["last_week"] if known and row["known_then"] else None, now),
        [f"{words.per_second(row['lately'] / 300)} in the last 5 minutes"] if known else [],
        day_trend("api_steps", "calls", project, now, None, prefix=settings.api) if known else [],
        f"No request to a route below {settings.api} has arrived.",
    )


FIGURES: dict[str, Callable[[Project, BusinessSettings, datetime], Figure]] = {
    "signups": signups,
    "active-users": active,
    "revenue": revenue,
    "api-usage": api_usage,
}


def charts(
    project: Project, settings: BusinessSettings, window: Window, marks: list[Mark], bands: list[Band]
) -> list[Chart]:
    """What the four numbers are made of, over a window, each with the week before it."""
    step = max(60, int(window.step(60).total_seconds()))
    week = timedelta(days=7)
    times = list(range(int(window.since.timestamp()) // step * step, int(window.until.timestamp()), step))
    shift = int(week.total_seconds()) if window.length <= week else 0
    start, length = datetime.fromtimestamp(times[0], UTC), timedelta(seconds=step * len(times))
    complete = int(window.until.timestamp())
    select = "?since={since}&until={until}"

    def chart(title: str, unit: str, query: str, column: str, scale: float = 1, **more: Any) -> Chart:
        found = steps_of(query, project, start, start + length, step, week if shift else timedelta(0), **more)

        def values(back: int) -> list[float | None]:
            """Counts by step; the step under way is not complete, so it is not drawn."""
            return [
                (float(found[at - back][column]) * scale if at - back in found else 0.0)
                if at - back + step <= complete
                else None
                for at in times
            ]

        series = [Series("now", values(0))]
        if shift and any(at < times[0] for at in found):
            series.append(Series("a week before", values(shift)))
        return Chart(title, unit, times, series, marks, bands, Draw.LINE, height_px=160, select_link=select)

    digits = 1 if words.money(100, settings.currency).endswith("100") else 0.01
    event: dict[str, Any] = {"currency": settings.currency}
    return [
        chart("Signups", "", "event_steps", "events", name=settings.signup, **event),
        chart("Active users", "", "active_steps", "people"),
        chart("Revenue", settings.currency, "event_steps", "amount", digits, name=settings.revenue, **event),
        chart("API requests", "", "api_steps", "calls", prefix=settings.api),
    ]


def _event_days(project: Project, name: str, now: datetime) -> list[dict[str, Any]]:
    return store.rows(
        QUERIES["event_days"],
        project=project.slug,
        name=name,
        today=milliseconds(midnight(now)),
        now=milliseconds(now),
    )


def _reaches_back(first: datetime | None, now: datetime) -> bool:
    """Whether events were already recorded when this weekday began last week."""
    return first is not None and first <= midnight(now) - timedelta(days=6)


def amount(minor: int, currency: str) -> str:
    """Money for a figure: from a thousand on without its cents."""
    said = words.money(minor, currency)
    return re.sub(r"\.\d\d(?!\d)", "", said) if abs(minor) >= 100_000 else said

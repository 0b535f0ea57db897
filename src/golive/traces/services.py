"""Services and their routes: rate, errors, duration, from the per-minute rollup. Synthetic requests do not count."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from golive.console.charts import Band, Chart, Mark, Series
from golive.console.window import Window
from golive.kit.named import queries
from golive.telemetry import store
from golive.telemetry.instants import seconds

QUERIES = queries(Path(__file__).parent / "queries.sql")


@dataclass(frozen=True)
class Traffic:
    """What a service or route did in a window. Durations in milliseconds, None without requests."""

    name: str
    requests: int
    failures: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    per_second: float
    method: str = ""
    share: float = 0.0  # of the service's time, 0..1
    trend: list[float | None] = field(default_factory=list)

    @property
    def error_rate(self) -> float | None:
        """Failed requests as a share of all, 0..1; None without requests."""
        return self.failures / self.requests if self.requests else None

    @property
    def state(self) -> str:
        """By the default thresholds: more than 5 % failing or p95 over 2 s is critical, more than 1 % a warning."""
        if self.error_rate is None:
            return "unknown"
        if self.error_rate > 0.05 or (self.p95_ms or 0) > 2000:
            return "critical"
        return "warning" if self.error_rate > 0.01 else "ok"


def steps(window: Window, step: int) -> list[int]:
    """The instants of a chart over the window, in unix seconds."""
    return list(range(seconds(window.since) // step * step, seconds(window.until) + 1, step))


def step_of(window: Window, points: int = 120) -> int:
    """A chart's step in seconds; the rollup knows minutes, so no less than one."""
    return max(60, int(window.step(points).total_seconds()))


def services(project: str, window: Window) -> list[Traffic]:
    """All services that served requests in the window, busiest first."""
    step = step_of(window, 40)
    found = store.rows(
        QUERIES["services"], project=project, since=seconds(window.since), until=seconds(window.until), step=step
    )
    trends: dict[str, dict[int, float]] = {}
    for row in found:
        if not row["whole"]:
            trends.setdefault(row["service"], {})[int(row["bucket"])] = row["requests"] / step
    times = steps(window, step)
    return sorted(
        (
            traffic(row["service"], row, window, trend=[trends[row["service"]].get(at, 0.0) for at in times])
            for row in found
            if row["whole"]
        ),
        key=lambda service: -service.requests,
    )


def routes(project: str, service: str, window: Window) -> list[Traffic]:
    """The service's routes, those that take most of its time first."""
    found = store.rows(
        QUERIES["routes"],
        project=project,
        service=service,
        since=seconds(window.since),
        until=seconds(window.until),
    )
    whole = sum(row["busy_ms"] for row in found) or 1
    return [traffic(row["route"], row, window, method=row["method"], share=row["busy_ms"] / whole) for row in found]


def traffic(name: str, row: dict[str, Any], window: Window, **more: Any) -> Traffic:
    """A row of counts and quantiles as Traffic."""
    p50, p95, p99 = (float(value) if value == value else None for value in row["quantiles"])
    return Traffic(
        name,
        int(row["requests"]),
        int(row["failures"]),
        p50,
        p95,
        p99,
        row["requests"] / max(1.0, window.length.total_seconds()),
        **more,
    )


def charts(
    project: str, service: str, window: Window, route: str, marks: Sequence[Mark], bands: Sequence[Band]
) -> list[Chart]:
    """Rate, errors and duration of a service (or one of its routes)."""
    step = step_of(window)
    found = store.rows(
        QUERIES["service_chart"],
        project=project,
        service=service,
        route=route,
        since=seconds(window.since),
        until=seconds(window.until),
        step=step,
    )
    by_time = {int(row["bucket"]): row for row in found}
    times = steps(window, step)

    def values(read: Callable[[dict[str, Any]], float]) -> list[float | None]:
        return [read(by_time[at]) if at in by_time else None for at in times]

    def quantile(index: int) -> list[float | None]:
        return values(lambda row: float(row["quantiles"][index]))

    def rate(at: int) -> float | None:
        """Requests a second over the part of the step that the window covers; less than a minute says nothing."""
        covered = min(at + step, seconds(window.until)) - max(at, seconds(window.since))
        return by_time[at]["total"] / covered if at in by_time and covered >= 60 else (0.0 if covered >= 60 else None)

    select = "?since={since}&until={until}"
    return [
        Chart(
            "Requests", "/s", times, [Series("requests", [rate(at) for at in times])],
            marks, bands, select_link=select,
        ),
        Chart(
            "Failed requests", "%", times,
            [Series("failed", values(lambda row: 100 * row["failed"] / row["total"]), "critical")],
            marks, bands, select_link=select,
        ),
        Chart(
            "Duration", "ms", times,
            [Series("p50", quantile(0)), Series("p95", quantile(1)), Series("p99", quantile(2))],
            marks, bands, select_link=select,
        ),
    ]  # fmt: skip

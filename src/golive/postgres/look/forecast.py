"""When will a disk be full? A straight line through daily sizes that single jumps do not bend (Theil-Sen)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

DAY = 86_400.0
FULL = 0.85
LEAST_DAYS = 3.0


@dataclass(frozen=True)
class Forecast:
    """Growth in bytes a day, and when the limit is reached; `at` is None when it does not grow or it is not known."""

    growth_per_day: float | None
    at: datetime | None
    reason: str


def forecast(sizes: Sequence[tuple[datetime, float]], now: datetime, limit_bytes: float | None) -> Forecast:
    """When the newest size plus the usual growth reaches the limit. Fewer than three days of sizes say nothing."""
    if not sizes:
        return Forecast(None, None, "no size has been measured yet")
    span = (sizes[-1][0] - sizes[0][0]).total_seconds() / DAY
    if span < LEAST_DAYS:
        return Forecast(None, None, f"{span:.1f} days have been measured; a forecast needs {LEAST_DAYS:.0f}")
    growth = slope(sizes)
    if limit_bytes is None:
        return Forecast(growth, None, "the size of the disk is not known")
    left = limit_bytes - sizes[-1][1]
    if left <= 0:
        return Forecast(growth, now, "the limit is reached")
    if growth <= 0:
        return Forecast(growth, None, "it does not grow")
    days = left / growth
    if days > 3650:
        return Forecast(growth, None, "at this pace not within ten years")
    return Forecast(growth, now + timedelta(days=days), f"at this pace in {days:.0f} days")


def slope(sizes: Sequence[tuple[datetime, float]]) -> float:
    """Bytes a day: the median of the slopes between all pairs of at most a hundred instants."""
    thinned = sizes[:: max(1, len(sizes) // 100)]
    slopes = [
        (later[1] - earlier[1]) / ((later[0] - earlier[0]).total_seconds() / DAY)
        for number, earlier in enumerate(thinned)
        for later in thinned[number + 1 :]
        if later[0] > earlier[0]
    ]
    return median(slopes) if slopes else 0.0

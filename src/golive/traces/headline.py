"""How fast we are, compared with a week ago, as a clause for the home page. Pure."""

from datetime import datetime

from golive.console import words

SAME = 0.05  # less than this much change is no change
FEWEST = 20  # requests, in both hours, below which a comparison would be chance


def clause(now_ms: float | None, requests: int, then_ms: float | None, requests_then: int, at: datetime) -> str | None:
    """The p95 of the last hour against the same hour last week; None when there is nothing to tell."""
    if not requests or now_ms is None:
        return "no request in the last hour" if requests_then else None
    said = f"p95 is {words.milliseconds(now_ms)}"
    if then_ms is None or then_ms <= 0 or min(requests, requests_then) < FEWEST:
        return said
    change, day = now_ms / then_ms - 1, f"last {words.weekday(at)}"
    if abs(change) < SAME:
        return f"{said}, as {day}"
    if change > 2:
        return f"{said}, {now_ms / then_ms:.1f} times {day}'s"
    return f"{said}, {words.percent(round(abs(change), 2))} {'slower' if change > 0 else 'faster'} than {day}"

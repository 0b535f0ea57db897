"""The stretch of time a page looks at: `?since=1h`, or `?since=…&until=…` with instants in ISO 8601 or unix seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from golive.kit.durations import DurationError, format_duration, parse_duration

CHOICES = ("15m", "1h", "6h", "24h", "7d", "30d")
LONGEST = timedelta(days=400)


@dataclass(frozen=True)
class Window:
    """A stretch of time. `live` means that it ends now and moves; `key` is what the address says."""

    since: datetime
    until: datetime
    label: str
    key: str = ""
    live: bool = True

    @property
    def length(self) -> timedelta:
        return self.until - self.since

    def step(self, points: int = 120) -> timedelta:
        """The width of one chart step that gives at most about `points` of them: a round number of seconds."""
        wanted = self.length.total_seconds() / points
        return timedelta(seconds=next((step for step in _STEPS if step >= wanted), _STEPS[-1]))


_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 604800)


def instant(text: str) -> datetime | None:
    """Read ISO 8601 (UTC where no zone is given) or unix seconds; None where it is neither."""
    try:
        number = float(text)
        return datetime.fromtimestamp(number, UTC) if 0 < number < 1e11 else None
    except (ValueError, OverflowError, OSError):
        pass
    try:
        found = parse_datetime(text.replace(" ", "+") if text.count(" ") == 1 and "T" in text else text)
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def read(asked: Mapping[str, str], now: datetime, default: str = "1h") -> Window:
    """The window that an address asks for at `now`; what cannot be read falls back to `default`."""
    since, until = asked.get("since", ""), asked.get("until", "")
    start, end = instant(since), instant(until)
    if start and (end or now) > start:
        stop = min(end, now) if end and end > start else now
        if stop <= start:
            stop = end or now
        start = max(start, stop - LONGEST)
        return Window(start, stop, f"{format_duration(stop - start)} chosen", since, live=end is None)
    for text in (since, default):
        try:
            length = parse_duration(text)
        except (DurationError, OverflowError):
            continue
        if timedelta(0) < length <= LONGEST:
            stop = min(end, now) if end else now
            return Window(stop - length, stop, f"last {format_duration(length)}", text, live=end is None)
    return Window(now - timedelta(hours=1), now, "last 1h", "1h")


def window_of(request: HttpRequest, default: str = "1h") -> Window:
    """The window of a page; kept on the request so that `console/window.html` can show it."""
    window = read(request.GET.dict(), timezone.now(), default)
    request.window = window  # type: ignore[attr-defined]
    return window

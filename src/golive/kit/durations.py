"""Durations as people write them: "90s", "5m", "1h30m", "24h", "7d"."""

import re
from datetime import timedelta

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")


class DurationError(ValueError):
    """The text is not a duration."""


def parse_duration(text: str) -> timedelta:
    """Read a duration such as "90s" or "1h30m". Raises DurationError with an example."""
    compact = text.strip().replace(" ", "")
    if not _WHOLE.fullmatch(compact):
        raise DurationError(f"{text!r} is not a duration; write it like 90s, 5m, 1h30m or 7d")
    return timedelta(seconds=sum(float(n) * _UNITS[unit] for n, unit in _PART.findall(compact)))


def format_duration(value: timedelta) -> str:
    """Write a duration for people: the two largest units, "1h 30m", "45s", "320ms"."""
    seconds = value.total_seconds()
    if seconds < 0:
        return f"-{format_duration(-value)}"
    if 0 < seconds < 1:
        return f"{round(seconds * 1000)}ms"
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f}s"
    left, parts = round(seconds), []
    for name, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{name}")
    return " ".join(parts[:2]) or "0s"

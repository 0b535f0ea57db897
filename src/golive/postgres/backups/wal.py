"""Is the archive whole? pgBackRest's `verify` says ok with a segment missing in the middle: counted here."""

from collections.abc import Iterable


def number(segment: str, size_bytes: int) -> tuple[int, int]:
    """Timeline and running number of a segment's name."""
    per_log = 0x100000000 // size_bytes
    return int(segment[:8], 16), int(segment[8:16], 16) * per_log + int(segment[16:24], 16)


def name(timeline: int, running: int, size_bytes: int) -> str:
    per_log = 0x100000000 // size_bytes
    return f"{timeline:08X}{running // per_log:08X}{running % per_log:08X}"


def gaps(segments: Iterable[str], first: str, size_bytes: int = 16 * 1024**2) -> list[str]:
    """The segments that are missing between `first` and the newest one of its timeline."""
    timeline, start = number(first, size_bytes)
    have = {running for line, running in (number(one, size_bytes) for one in segments) if line == timeline}
    end = max((running for running in have if running >= start), default=None)
    if end is None:
        return [first]
    return [name(timeline, running, size_bytes) for running in range(start, end + 1) if running not in have]

"""Instants as the queries of the rooms take them: whole units since 1970."""

from datetime import datetime


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def nanoseconds(at: datetime) -> int:
    """To the microsecond, which is all that a datetime knows."""
    return int(at.timestamp() * 1_000_000) * 1000

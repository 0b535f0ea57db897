"""Billing periods in calendar time, and what part of one is left."""

import calendar
from datetime import UTC, datetime, timedelta

DAY_SECONDS = 86_400
RETRY_AFTER_DAYS = (3, 5, 7)


def period_end(start: int, interval: str, count: int = 1) -> int:
    """The end of a period of `count` day|week|month|year intervals, unix seconds.

    31 January and one month is 28 February, as Stripe has it.
    """
    begun = datetime.fromtimestamp(start, UTC)
    if interval in ("day", "week"):
        return int((begun + timedelta(days=count * (7 if interval == "week" else 1))).timestamp())
    months = begun.month - 1 + count * (12 if interval == "year" else 1)
    year, month = begun.year + months // 12, months % 12 + 1
    day = min(begun.day, calendar.monthrange(year, month)[1])
    return int(begun.replace(year=year, month=month, day=day).timestamp())


def prorated(amount: int, start: int, end: int, now: int) -> int:
    """The part of an amount (minor units) that pays for the rest of the period, rounded to whole units."""
    if end <= start:
        return 0
    left = min(max(end - now, 0), end - start)
    return round(amount * left / (end - start))


def next_retry(failed_at: int, attempts: int) -> int | None:
    """When a failed renewal is charged again after so many attempts; None: give up."""
    if attempts > len(RETRY_AFTER_DAYS):
        return None
    return failed_at + RETRY_AFTER_DAYS[attempts - 1] * DAY_SECONDS

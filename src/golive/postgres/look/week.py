"""When a weekly review is due."""

from datetime import UTC, date, datetime, timedelta

from golive.postgres.look.plan import ReviewPlan

WEEK = timedelta(days=7)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HOUR = 8


def week_due(plan: ReviewPlan, last: date | None, now: datetime) -> date | None:
    """The day for which a review is due at `now` (UTC), or None. One missed is made as soon as golive runs again."""
    if plan.day == "never":
        return None
    at = now.astimezone(UTC)
    day = (at - timedelta(days=(at.weekday() - DAYS.index(plan.day)) % 7)).date()
    if at.date() == day and at.hour < HOUR:
        day -= WEEK
    return None if last is not None and last >= day else day


def next_review(plan: ReviewPlan, now: datetime) -> date | None:
    """The day of the coming review, today's while its hour has not struck; None when there is never one."""
    if plan.day == "never":
        return None
    at = now.astimezone(UTC)
    ahead = (DAYS.index(plan.day) - at.weekday()) % 7
    return at.date() + (WEEK if ahead == 0 and at.hour >= HOUR else timedelta(days=ahead))

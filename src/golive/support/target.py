"""Whether an answer is due: pure, with time as an argument."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from golive.kit.durations import format_duration


@dataclass(frozen=True)
class Target:
    """How a conversation stands against the promised time."""

    due_at: datetime | None
    overdue: bool
    reason: str


def judge(waiting_since: datetime | None, within: timedelta, now: datetime) -> Target:
    """A conversation is overdue once its customer has waited longer than `within`."""
    if waiting_since is None:
        return Target(None, False, "answered")
    due = waiting_since + within
    if now > due:
        waited = format_duration(_minutes(now - waiting_since))
        return Target(due, True, f"waits for {waited}; the target is {format_duration(within)}")
    return Target(due, False, f"an answer is due in {format_duration(_minutes(due - now))}")


def _minutes(span: timedelta) -> timedelta:
    """Without seconds, which nobody counts here, unless there is nothing else."""
    return span - span % timedelta(minutes=1) or span

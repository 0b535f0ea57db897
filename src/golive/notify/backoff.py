"""When a message that did not get through is tried again, and when it is given up."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from golive.kit.durations import format_duration

FIRST = timedelta(seconds=1)
LONGEST = {"high": timedelta(seconds=30), "normal": timedelta(minutes=10)}
GIVE_UP_AFTER = {"high": timedelta(hours=24), "normal": timedelta(hours=72)}
FALLBACK_AFTER_TRIES = 3


@dataclass(frozen=True)
class Retry:
    """What to do after a failed try: `at` None means give up. `use_fallback`: tell it on another channel too."""

    at: datetime | None
    use_fallback: bool
    reason: str


def after_failure(
    tries: int, created_at: datetime, now: datetime, urgency: str, *, permanent: bool, jitter: float
) -> Retry:
    """Decide after try number `tries` (from 1) failed. `jitter` in [0, 1] spreads retries over half of the delay."""
    if permanent:
        return Retry(None, True, "refused for good by the receiver")
    if now - created_at >= GIVE_UP_AFTER[urgency]:
        return Retry(None, True, f"given up after {format_duration(GIVE_UP_AFTER[urgency])}")
    whole = min(FIRST * 2 ** min(tries - 1, 20), LONGEST[urgency])
    delay = whole * (0.5 + 0.5 * jitter)
    return Retry(now + delay, tries == FALLBACK_AFTER_TRIES, f"again in {format_duration(delay)}")

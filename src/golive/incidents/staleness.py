"""Whether an acknowledged incident is still attended to: when to remind, when the acknowledgement counts no more."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from golive.kit.durations import format_duration


class Act(StrEnum):
    """What to do about it."""

    REMIND = "remind"
    LAPSE = "lapse"


@dataclass(frozen=True)
class Nudge:
    """What is due; `number` counts the reminders since the last sign of life."""

    act: Act
    number: int
    reason: str


def decide(touched: datetime, remind: timedelta, lapse: timedelta, *, fires: bool, now: datetime) -> Nudge | None:
    """Decide for an incident on which a person last did something at `touched`. A span of nothing means never.

    An acknowledgement lapses only while something critical still `fires`: pages that nobody can stop help nobody.
    """
    quiet = now - touched
    said = f"nobody has done anything for {format_duration(max(quiet, timedelta(0)))}"
    if lapse and fires and quiet >= lapse:
        return Nudge(Act.LAPSE, 0, said)
    if remind and quiet >= remind:
        return Nudge(Act.REMIND, quiet // remind, said)
    return None

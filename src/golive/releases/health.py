"""Is a new release healthy? K good answers in a row from each process, and each from the release that was started."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

MOST_RESTARTS = 3


class Health(StrEnum):
    WAIT = "wait"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True)
class Sight:
    """One look at one process. `genuine` is whether the release itself answered, by the listener's process."""

    status: int
    genuine: bool
    problem: str = ""


@dataclass(frozen=True)
class Process:
    """What was seen of a process so far, newest last, and how often the keeper had to start it again."""

    name: str
    sights: Sequence[Sight]
    restarts: int = 0
    ended: str = ""


@dataclass(frozen=True)
class Decision:
    health: Health
    reason: str


def decide(processes: Sequence[Process], wanted: int, waited: float, limit: float) -> Decision:
    """Judge all processes; `waited` and `limit` are seconds since they were started."""
    if not processes:
        return Decision(Health.BAD, "no process takes requests")
    for one in processes:
        if one.restarts >= MOST_RESTARTS:
            return Decision(Health.BAD, f"{one.name} died {one.restarts} times ({one.ended or 'no reason known'})")
    waiting = [one for one in processes if _streak(one.sights) < wanted]
    if not waiting:
        return Decision(Health.GOOD, f"{len(processes)} healthy, {wanted} answers in a row each")
    first = waiting[0]
    if waited > limit:
        return Decision(Health.BAD, f"{first.name} was not healthy in {limit:.0f} s: {_said(first)}")
    return Decision(Health.WAIT, f"{first.name}: {_streak(first.sights)} of {wanted}")


def _streak(sights: Sequence[Sight]) -> int:
    count = 0
    for sight in reversed(sights):
        if not (200 <= sight.status < 300 and sight.genuine):
            break
        count += 1
    return count


def _said(one: Process) -> str:
    if not one.sights:
        return one.ended or "it did not answer"
    last = one.sights[-1]
    if last.status and not last.genuine:
        return "another release answered in its place"
    return f"it answered {last.status}" if last.status else one.ended or last.problem or "it did not answer"

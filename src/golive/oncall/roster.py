"""Who is on call at an instant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from golive.oncall.escalation import Policy
from golive.oncall.models import OnCall, Schedule
from golive.people.models import Project


class Roster(Protocol):
    """Answers who is paged first, second ... at an instant; empty when nobody is: a gap is shown as a gap."""

    def on_call_at(self, at: datetime) -> Policy: ...


class StandingOrder:
    """The same people in the same order at any time, from `[oncall] people`."""

    def __init__(self, kept: OnCall) -> None:
        self._kept = kept

    def on_call_at(self, at: datetime) -> Policy:
        return self._kept.policy()


class Scheduled:
    """Whom the schedules say, in their order, then `[oncall] people`, then the schedules' other people.

    Where the first two name nobody, nobody is paged: a gap does not wake those who are off.
    """

    def __init__(self, kept: OnCall, schedules: Sequence[Schedule]) -> None:
        self._kept = kept
        self._schedules = schedules

    def on_call_at(self, at: datetime) -> Policy:
        on_call = [who for schedule in self._schedules if (who := schedule.on_call_at(at))]
        leading = [*on_call, *self._kept.people]
        others = [who for schedule in self._schedules for who in schedule.people] if leading else []
        return Policy(tuple(dict.fromkeys([*leading, *others])), self._kept.repeat, self._kept.escalate)


def roster_of(project: Project) -> Roster:
    """The project's roster."""
    kept = OnCall.objects.filter(project=project).first() or OnCall(project=project)
    schedules = list(Schedule.objects.filter(project=project))
    return Scheduled(kept, schedules) if schedules else StandingOrder(kept)

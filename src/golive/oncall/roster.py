"""Who is on call at an instant."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from golive.oncall.escalation import Policy, ladder
from golive.oncall.models import EscalationPolicy, OnCall, Schedule
from golive.oncall.policies import PolicyPlan, chosen, resolve
from golive.people.models import Project


class Roster(Protocol):
    """Answers who is paged first, second ... at an instant; empty when nobody is: a gap is shown as a gap.

    `service` chooses the escalation policy, `turn` counts incidents for its round robins.
    """

    def on_call_at(self, at: datetime, service: str = "", turn: int = 0) -> Policy: ...


class StandingOrder:
    """The same people in the same order at any time, from `[oncall] people`."""

    def __init__(self, kept: OnCall) -> None:
        self._kept = kept

    def on_call_at(self, at: datetime, service: str = "", turn: int = 0) -> Policy:
        return self._kept.policy()


class Scheduled:
    """Whom the schedules say, in their order, then `[oncall] people`, then the schedules' other people.

    Where the first two name nobody, nobody is paged: a gap does not wake those who are off.
    """

    def __init__(self, kept: OnCall, schedules: Sequence[Schedule]) -> None:
        self._kept = kept
        self._schedules = schedules

    def on_call_at(self, at: datetime, service: str = "", turn: int = 0) -> Policy:
        on_call = [who for schedule in self._schedules if (who := schedule.on_call_at(at))]
        leading = [*on_call, *self._kept.people]
        others = [who for schedule in self._schedules for who in schedule.people] if leading else []
        return ladder(list(dict.fromkeys([*leading, *others])), self._kept.repeat, self._kept.escalate)


class Escalated:
    """Whom the escalation policies say; where none counts for a service, the standing order of the project."""

    def __init__(
        self, kept: OnCall, schedules: Sequence[Schedule], policies: Mapping[str, PolicyPlan], otherwise: Roster
    ) -> None:
        self._kept = kept
        self._schedules = {schedule.name: schedule for schedule in schedules}
        self._policies = dict(policies)
        self._otherwise = otherwise

    def on_call_at(self, at: datetime, service: str = "", turn: int = 0) -> Policy:
        name = chosen(self._policies, service)
        if name is None:
            return self._otherwise.on_call_at(at, service, turn)

        def on_call(schedule: str) -> str | None:
            return self._schedules[schedule].on_call_at(at) if schedule in self._schedules else None

        return resolve(
            self._policies,
            name,
            at,
            on_call=on_call,
            repeat=self._kept.repeat,
            escalate=self._kept.escalate,
            turn=turn,
        )


def roster_of(project: Project) -> Roster:
    """The project's roster."""
    kept = OnCall.objects.filter(project=project).first() or OnCall(project=project)
    schedules = list(Schedule.objects.filter(project=project))
    standing: Roster = Scheduled(kept, schedules) if schedules else StandingOrder(kept)
    policies = {one.name: one.read() for one in EscalationPolicy.objects.filter(project=project)}
    return Escalated(kept, schedules, policies, standing) if policies else standing

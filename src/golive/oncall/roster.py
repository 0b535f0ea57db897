"""Who is on call at an instant."""

from datetime import datetime
from typing import Protocol

from golive.oncall.escalation import Policy
from golive.oncall.models import OnCall
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


def roster_of(project: Project) -> Roster:
    """The project's roster."""
    return StandingOrder(OnCall.objects.filter(project=project).first() or OnCall(project=project))

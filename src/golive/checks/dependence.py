"""Decide whether a failing check has a cause of its own or only suffers from another one. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from golive.alerts.models import Severity, State
from golive.checks.verdict import Position, Verdict

LONGEST_WAIT = timedelta(seconds=30)


@dataclass(frozen=True)
class Below:
    """A check that another depends on: its state, and its last attempt (None: there was none yet)."""

    name: str
    state: State
    failing: bool
    looked_at: datetime | None


@dataclass(frozen=True)
class Weighed:
    """The verdict to save, and the checks to look at before more can be said."""

    verdict: Verdict
    ask: tuple[str, ...] = ()


def weigh(position: Position, verdict: Verdict, below: Sequence[Below], now: datetime) -> Weighed:
    """A check that fails while one below it is down is shown as down but pages nobody; when the one below is up
    again and this one still fails, it pages. While a check below has not been looked at since, that is awaited.
    """
    if verdict.state is not State.FIRING or not below:
        return Weighed(verdict)
    down = [one.name for one in below if one.state is State.FIRING]
    if down:
        text = f"{verdict.text}; it depends on {', '.join(down)}, which is down"
        return Weighed(replace(verdict, severity=Severity.INFO, text=text))
    if position.state is State.FIRING and position.severity is not Severity.INFO:
        return Weighed(verdict)
    began = verdict.began_at or now
    unsure = tuple(one.name for one in below if one.failing or one.looked_at is None or one.looked_at < began)
    if unsure and now - began < LONGEST_WAIT:
        text = f"{verdict.text}; looking at {', '.join(unsure)} first"
        waiting = replace(
            verdict, state=position.state, scope=position.scope, severity=position.severity, text=text, check_again=True
        )
        return Weighed(waiting, unsure)
    return Weighed(verdict)

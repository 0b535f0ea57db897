"""How checks stand now, in the words of a page: rows of the list and the first sentence."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from golive.alerts.models import State
from golive.checks import definition
from golive.checks.history import History
from golive.checks.models import Check
from golive.checks.verdict import seen
from golive.kit.durations import format_duration
from golive.people.models import Project

WORDS = {State.OK: "up", State.FIRING: "down", State.UNKNOWN: "unknown"}


@dataclass(frozen=True)
class Standing:
    """A check and the state it may be shown in."""

    check: Check
    state: State
    reason: str
    since: datetime | None
    checked_at: datetime | None
    history: History = field(default_factory=History)

    @property
    def word(self) -> str:
        return WORDS[self.state]

    @property
    def address(self) -> str:
        """What is asked; for a heartbeat what its job asks."""
        if self.check.kind == "journey":
            return self.check.full_url or self.check.project.url
        return self.check.job.ping_url if self.check.kind == "heartbeat" else self.check.full_url

    @property
    def said(self) -> str:
        """The check's definition in one line."""
        return definition.of(self.check).said()


def standing(check: Check, now: datetime, history: History | None = None) -> Standing:
    """How one check stands; a state that nobody confirms any more is unknown."""
    row = getattr(check, "state_row", None)
    if row is None:
        return Standing(check, State.UNKNOWN, "not checked yet", None, None, history or History())
    state, stale = seen(State(row.state), row.checked_at, check.every, now)
    return Standing(check, state, stale or row.reason, row.since, row.checked_at, history or History())


def standings(project: Project, now: datetime, histories: dict[str, History] | None = None) -> list[Standing]:
    """All checks of a project, those in trouble first."""
    checks = Check.objects.filter(project=project).select_related("state_row", "project")
    found = [standing(check, now, (histories or {}).get(check.name)) for check in checks]
    order = [State.FIRING, State.UNKNOWN, State.OK]
    return sorted(found, key=lambda one: (order.index(one.state), one.check.name))


def sentence(found: Sequence[Standing], now: datetime) -> str:
    """The answer to "is it up?" in one clause."""
    if not found:
        return "nothing is checked yet"
    down = [one for one in found if one.state == State.FIRING]
    unknown = [one for one in found if one.state == State.UNKNOWN]
    parts = []
    if down:
        names = _names([f"{one.check.name} has been down for {_since(one.since, now)}" for one in down])
        parts.append(names)
    if unknown:
        verb = "is" if len(unknown) == 1 else "are"
        parts.append(f"{_names([one.check.name for one in unknown])} {verb} unknown")
    up = len(found) - len(down) - len(unknown)
    if not parts:
        return f"{found[0].check.name} is up" if up == 1 else f"all {up} checks are up"
    if up:
        parts.append(f"{up} of {len(found)} up")
    return ", ".join(parts)


def headline(found: Sequence[Standing], now: datetime) -> str:
    """The sentence as a page's first; a check's name keeps its small letter."""
    said = sentence(found, now)
    return said[0].upper() + said[1:] if said.startswith(("all ", "nothing ")) else said


def _names(words: Sequence[str]) -> str:
    shown = list(words[:3])
    if len(words) > 3:
        shown.append(f"{len(words) - 3} more")
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]


def _since(since: datetime | None, now: datetime) -> str:
    return format_duration(max(now - since, timedelta())) if since else "an unknown time"

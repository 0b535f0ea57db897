"""Who is to be paged next, and when: repeated until acknowledged, widened to the next step meanwhile.

With the defaults (repeat 5 min, escalate 10 min) the first person is paged at 0, 5, 10 ... and the second joins at
10, so that an acknowledgement within 15 minutes has had four pages to bring it about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True)
class Step:
    """People who are paged at once, and how long they have before the next step joins."""

    people: tuple[str, ...]
    wait: timedelta


@dataclass(frozen=True)
class Policy:
    """Steps in order, none of them empty; `repeat` between pages to one person, until somebody acknowledges.

    A policy that counts only within hours of the week says when these began (`since`), or begin when it is outside
    of them (`opens_at`): then it has no steps.
    """

    steps: tuple[Step, ...]
    repeat: timedelta
    name: str = ""
    since: datetime | None = None
    opens_at: datetime | None = None

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody once, in the order in which they are paged."""
        return tuple(dict.fromkeys(who for step in self.steps for who in step.people))

    @property
    def escalate(self) -> timedelta:
        """How long the first step has."""
        return self.steps[0].wait if self.steps else timedelta(0)


def ladder(people: Sequence[str], repeat: timedelta, escalate: timedelta) -> Policy:
    """One person after the other."""
    return Policy(tuple(Step((who,), escalate) for who in people), repeat)


@dataclass(frozen=True)
class Paged:
    """A page that went out."""

    who: str
    at: datetime


class Reason(StrEnum):
    """Why somebody is paged."""

    FIRST = "first"
    REPEAT = "repeat"
    ESCALATION = "escalation"


@dataclass(frozen=True)
class Page:
    """A page to send now."""

    who: str
    reason: Reason
    detail: str


@dataclass(frozen=True)
class Decision:
    """Pages to send now, and the instant at which to decide again (None: there is nobody to page)."""

    pages: tuple[Page, ...]
    next_at: datetime | None
    reason: str


def decide(policy: Policy, since: datetime, paged: Sequence[Paged], now: datetime) -> Decision:
    """Decide for an incident that has waited unacknowledged `since`; `paged` are the pages sent from then on."""
    if not policy.people:
        if policy.opens_at is not None:
            return Decision((), policy.opens_at, f"outside the hours of policy {policy.name}")
        return Decision((), None, "nobody is on call")
    since = max(since, policy.since) if policy.since else since
    reached = _reached(policy, since, now)
    last = {page.who: page.at for page in sorted(paged, key=lambda page: page.at)}
    pages = tuple(
        _page(policy, who, place, who in last)
        for who, place in reached.items()
        if who not in last or now - last[who] >= policy.repeat
    )
    sent = last | {page.who: now for page in pages}
    upcoming = [sent[who] + policy.repeat for who in reached]
    joins = [at for at in _starts(policy, since) if at > now]
    reason = ", ".join(f"{page.who} ({page.detail})" for page in pages) or "everybody reached so far was paged recently"
    return Decision(pages, min([*upcoming, *joins[:1]]), reason)


def _starts(policy: Policy, since: datetime) -> list[datetime]:
    """When each step joins."""
    starts = [since]
    for step in policy.steps[:-1]:
        starts.append(starts[-1] + step.wait)
    return starts


def _reached(policy: Policy, since: datetime, now: datetime) -> dict[str, int]:
    """Everybody whose turn has come, with the number of the first step that names them."""
    found: dict[str, int] = {}
    for place, (step, start) in enumerate(zip(policy.steps, _starts(policy, since), strict=True)):
        if place == 0 or start <= now:
            for who in step.people:
                found.setdefault(who, place)
    return found


def _page(policy: Policy, who: str, place: int, again: bool) -> Page:
    if again:
        return Page(who, Reason.REPEAT, "again: not acknowledged yet")
    if place:
        before = policy.steps[place - 1].people
        return Page(
            who, Reason.ESCALATION, f"{' and '.join(before)} ha{'s' if len(before) == 1 else 've'} not acknowledged"
        )
    return Page(who, Reason.FIRST, "on call")


def rehearse(policy: Policy, since: datetime, lasting: timedelta) -> list[tuple[datetime, Page]]:
    """All pages that an incident sends which nobody acknowledges for so long, with their instants."""
    at: datetime | None = since
    sent: list[tuple[datetime, Page]] = []
    while at is not None and at <= since + lasting and policy.people:
        decision = decide(policy, since, [Paged(page.who, when) for when, page in sent], at)
        sent += [(at, page) for page in decision.pages]
        at = decision.next_at
    return sent

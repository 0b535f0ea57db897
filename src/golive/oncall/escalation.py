"""Who is to be paged next, and when: repeated until acknowledged, widened to the next person meanwhile.

With the defaults (repeat 5 min, escalate 10 min) the first person is paged at 0, 5, 10 ... and the second joins at
10, so that an acknowledgement within 15 minutes has had four pages to bring it about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True)
class Policy:
    """People in the order in which they are paged; `repeat` between pages to one; `escalate` between persons."""

    people: tuple[str, ...]
    repeat: timedelta
    escalate: timedelta


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
        return Decision((), None, "nobody is on call")
    reached = min(int((now - since) / policy.escalate), len(policy.people) - 1)
    last = {page.who: page.at for page in sorted(paged, key=lambda page: page.at)}
    pages = tuple(
        _page(policy, who, place, who in last)
        for place, who in enumerate(policy.people[: reached + 1])
        if who not in last or now - last[who] >= policy.repeat
    )
    sent = last | {page.who: now for page in pages}
    upcoming = [at + policy.repeat for at in (sent[who] for who in policy.people[: reached + 1])]
    if reached + 1 < len(policy.people):
        upcoming.append(since + policy.escalate * (reached + 1))
    reason = ", ".join(f"{page.who} ({page.detail})" for page in pages) or "everybody reached so far was paged recently"
    return Decision(pages, min(upcoming), reason)


def _page(policy: Policy, who: str, place: int, again: bool) -> Page:
    if again:
        return Page(who, Reason.REPEAT, "again: not acknowledged yet")
    if place:
        return Page(who, Reason.ESCALATION, f"{policy.people[place - 1]} has not acknowledged")
    return Page(who, Reason.FIRST, "on call")


def rehearse(policy: Policy, since: datetime, lasting: timedelta) -> list[tuple[datetime, Page]]:
    """All pages that an incident sends which nobody acknowledges for so long, with their instants."""
    at: datetime | None = since
    sent: list[tuple[datetime, Page]] = []
    while at is not None and at <= since + lasting:
        decision = decide(policy, since, [Paged(page.who, when) for when, page in sent], at)
        sent += [(at, page) for page in decision.pages]
        at = decision.next_at
    return sent

"""Has a resolved error come back? A pure decision with its reason."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from golive.errors.models import GroupState


class Reason(StrEnum):
    """Why an event does or does not reopen its group."""

    NOT_RESOLVED = "the group is not resolved"
    EARLIER = "it happened before the group was resolved"
    OLD_RELEASE = "it comes from a release that was already out when the group was resolved for the next one"
    AGAIN = "it happened again after it was resolved"
    NEW_RELEASE = "it happened in a release that should have fixed it"


@dataclass(frozen=True)
class Decision:
    """Whether the group has regressed, and why."""

    regressed: bool
    reason: Reason


@dataclass(frozen=True)
class Resolution:
    """What was decided about a group: when, and whether the fix comes with the next release."""

    state: GroupState
    at: datetime | None = None
    in_next_release: bool = False
    releases_then: Collection[str] = ()


def decide(resolution: Resolution, event_at: datetime, event_release: str) -> Decision:
    """Judge the newest event of a group against its resolution."""
    if resolution.state != GroupState.RESOLVED or resolution.at is None:
        return Decision(False, Reason.NOT_RESOLVED)
    if event_at <= resolution.at:
        return Decision(False, Reason.EARLIER)
    if not resolution.in_next_release:
        return Decision(True, Reason.AGAIN)
    if not event_release or event_release in resolution.releases_then:
        return Decision(False, Reason.OLD_RELEASE)
    return Decision(True, Reason.NEW_RELEASE)

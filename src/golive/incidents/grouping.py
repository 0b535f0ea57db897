"""Which incident a condition that fires belongs to: one outage is one incident, not forty."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from golive.incidents.lifecycle import OPEN, State

JOIN_WITHIN = timedelta(minutes=10)
REOPEN_WITHIN = timedelta(hours=24)


@dataclass(frozen=True)
class Candidate:
    """An incident of the same project and environment that is not resolved. `sources` are (source, key) pairs.

    `deploy` names the last deploy just before it was detected; empty when there was none.
    """

    id: int
    state: State
    service: str
    sources: frozenset[tuple[str, str]]
    last_fired_at: datetime
    mitigated_at: datetime | None = None
    deploy: str = ""


@dataclass(frozen=True)
class Home:
    """Where the flip belongs: `id` None means a new incident."""

    id: int | None
    reopens: bool
    reason: str


def home_of(
    source: tuple[str, str], service: str, candidates: Sequence[Candidate], at: datetime, deploy: str = ""
) -> Home:
    """Decide: the incident in which this source fired before, else an open one of the same service or after the same
    deploy, else a new one.

    A flip or an incident that names no service (a check of the whole site) fits any.
    """
    for candidate in sorted(candidates, key=lambda candidate: -candidate.id):
        if source not in candidate.sources:
            continue
        if candidate.state in OPEN:
            return Home(candidate.id, False, "it fired in this incident before")
        if candidate.mitigated_at is not None and at - candidate.mitigated_at <= REOPEN_WITHIN:
            return Home(candidate.id, True, "it fires again after it had recovered")
    for candidate in sorted(candidates, key=lambda candidate: candidate.id):
        if candidate.state not in OPEN or at - candidate.last_fired_at > JOIN_WITHIN:
            continue
        if not service or not candidate.service or service == candidate.service:
            return Home(candidate.id, False, "something else of the same service broke just before")
        if deploy and deploy == candidate.deploy:
            return Home(candidate.id, False, "another service broke just before, after the same deploy")
    return Home(None, False, "nothing that it belongs to is open")

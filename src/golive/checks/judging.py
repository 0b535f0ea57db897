"""What is known of every check in memory: attempts by region, the position in force, and the verdict that follows.

No I/O: the prober feeds it attempts and saves the transitions that it answers with.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from golive.checks import dependence, quorum
from golive.checks.dependence import Below, Weighed
from golive.checks.probe import REGION, Target
from golive.checks.quorum import View
from golive.checks.verdict import Attempt, Because, Outcome, Position, Verdict
from golive.checks.windows import Window, under_maintenance

KEPT = 12
SLACK = timedelta(seconds=45)


@dataclass
class Watched:
    """A check in memory."""

    target: Target
    position: Position
    told: str = ""
    seen: dict[str, deque[Attempt]] = field(default_factory=dict)

    def take(self, attempt: Attempt) -> bool:
        """Remember an attempt in the order of time; False when it is older than all that is kept."""
        kept = self.seen.setdefault(attempt.region, deque(maxlen=KEPT))
        if not kept or attempt.at >= kept[-1].at:
            kept.append(attempt)
            return True
        if attempt.at < kept[0].at and len(kept) == KEPT:
            return False
        self.seen[attempt.region] = deque(sorted([*kept, attempt], key=lambda one: one.at)[-KEPT:], maxlen=KEPT)
        return True

    @property
    def patience(self) -> timedelta:
        """How long an attempt says something about the present."""
        return self.target.every * 3 + SLACK

    def last(self) -> Attempt | None:
        """The latest known attempt of any region."""
        found = [kept[-1] for kept in self.seen.values() if kept]
        return max(found, key=lambda attempt: attempt.at, default=None)


@dataclass(frozen=True)
class Regions:
    """The regions there are, each with why it does not count now ("" when it does)."""

    out: Mapping[str, str] = field(default_factory=lambda: {REGION: ""})

    def of(self, target: Target) -> list[str]:
        """Those that a check is seen from: the ones it names, or all."""
        return [region for region in (target.regions or self.out) if region in self.out] or [REGION]


class Judge:
    """All checks, and how each is judged."""

    def __init__(self) -> None:
        self.watched: dict[int, Watched] = {}
        self.names: dict[tuple[str, str], int] = {}
        self.regions = Regions()
        self.faults: dict[str, str] = {}
        self.windows: dict[str, Sequence[Window]] = {}

    def add(self, number: int, watched: Watched) -> None:
        self.watched[number] = watched
        self.names[watched.target.project, watched.target.name] = number

    def remove(self, number: int) -> None:
        gone = self.watched.pop(number, None)
        if gone is not None:
            self.names.pop((gone.target.project, gone.target.name), None)

    def verdict(self, watched: Watched, now: datetime) -> Weighed:
        """What follows from all that is known of a check, and the checks to look at before more can be said."""
        found = quorum.decide(watched.position, self._views(watched), now, watched.patience)
        open_ = under_maintenance(self.windows.get(watched.target.project, ()), watched.target.name, now)
        if open_ is not None and found.position != watched.position and found.position == Position.of(found.state):
            held = self._held(watched, found, open_)
            if held is not None:
                return Weighed(held)
        return dependence.weigh(watched.position, found, self._below(watched), now)

    def _held(self, watched: Watched, found: Verdict, open_: tuple[Window, datetime]) -> Verdict | None:
        """During maintenance nothing begins to be down; what was down may become well."""
        if found.because in (Because.CONFIRMED, Because.ELSEWHERE, Because.STILL_DOWN):
            window, until = open_
            text = f"{found.text}; in maintenance ({window.name}) until {until:%H:%M} UTC"
            place = watched.position
            return Verdict(place.state, found.because, text, None, scope=place.scope, severity=place.severity)
        return None

    def _views(self, watched: Watched) -> list[View]:
        return [
            View(
                region,
                list(watched.seen.get(region, ())),
                self.regions.out.get(region, "") or self.faults.get(region, ""),
            )
            for region in self.regions.of(watched.target)
        ]

    def _below(self, watched: Watched) -> list[Below]:
        found = []
        for name in watched.target.below:
            number = self.names.get((watched.target.project, name))
            if number is None:
                continue
            other, last = self.watched[number], self.watched[number].last()
            failing = last is not None and last.outcome is Outcome.DOWN
            found.append(Below(name, other.position.state, failing, last.at if last else None))
        return found

    def find_faults(self, now: datetime) -> dict[str, str]:
        """Which regions have trouble of their own, by what fails from there alone; remembered for the verdicts."""
        alone: dict[str, int] = {}
        compared: dict[str, int] = {}
        for watched in self.watched.values():
            since = now - watched.patience
            last = {
                region: kept[-1].outcome
                for region, kept in watched.seen.items()
                if kept and kept[-1].at >= since and not self.regions.out.get(region) and region in self.regions.out
            }
            if len(last) < 2:
                continue
            down = [region for region, outcome in last.items() if outcome is Outcome.DOWN]
            for region in last:
                compared[region] = compared.get(region, 0) + 1
            if len(down) == 1:
                alone[down[0]] = alone.get(down[0], 0) + 1
        said = {region: quorum.fault_of_probe(alone.get(region, 0), count) for region, count in compared.items()}
        self.faults = {region: text for region, text in said.items() if text}
        return self.faults

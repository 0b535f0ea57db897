"""Three regions, 60-second checks: from any instant of failure to the page, by the real verdict, retry and phases.

What lies between a look and the judge is taken at its longest: results are flushed every second and handed over every
two, a probe hears of a request to look within two and a half, the judge listens twice a second.
"""

import heapq
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from golive.alerts.models import State
from golive.checks import quorum, timetable
from golive.checks.prober import FLUSH_SECONDS, HEAR_SECONDS
from golive.checks.quorum import View
from golive.checks.remote import POLL_SECONDS
from golive.checks.verdict import Attempt, Outcome, Position

T0 = datetime(2026, 5, 4, 12, tzinfo=UTC)
EVERY, PATIENCE = timedelta(seconds=60), timedelta(seconds=225)
REGIONS = ("ap", "eu", "us")
PAGE_SECONDS = 5.0  # from the verdict to the mail
REPORT_SECONDS = FLUSH_SECONDS + POLL_SECONDS + HEAR_SECONDS
HEARD_SECONDS = POLL_SECONDS + HEAR_SECONDS


class World:
    """A virtual clock: looks begin, end, arrive, and are judged."""

    def __init__(self, fails_at: float, takes: float) -> None:
        self.fails_at, self.takes, self.order = fails_at, takes, count()
        self.queue: list[tuple[float, int, str, str, Outcome]] = []
        self.seen: dict[str, list[Attempt]] = {region: [] for region in REGIONS}
        self.own: dict[str, list[Outcome]] = {region: [Outcome.UP] * 3 for region in REGIONS}
        self.busy = dict.fromkeys(REGIONS, False)
        self.asked = False
        for region in REGIONS:
            shift = timetable.shift_of(region, REGIONS) * EVERY.total_seconds()
            for turn in range(-3, 6):
                self.put(shift + turn * 60, "look", region)

    def put(self, at: float, what: str, region: str, outcome: Outcome = Outcome.UP) -> None:
        heapq.heappush(self.queue, (at, next(self.order), what, region, outcome))

    def paged_at(self) -> float:
        while self.queue:
            at, _, what, region, outcome = heapq.heappop(self.queue)
            if what == "look" and not self.busy[region]:
                self.busy[region] = True
                down = at >= self.fails_at
                self.put(at + (self.takes if down else 0.1), "end", region, Outcome.DOWN if down else Outcome.UP)
            elif what == "end":
                self.busy[region] = False
                self.own[region].append(outcome)
                if outcome is Outcome.DOWN and self.own[region][-3:] != [Outcome.DOWN] * 3:
                    self.put(at + timetable.retry_after(EVERY).total_seconds(), "look", region)
                self.put(at + REPORT_SECONDS, f"arrival {at}", region, outcome)
            elif what.startswith("arrival") and self.judged(at, float(what.split()[1]), region, outcome):
                return at + PAGE_SECONDS - self.fails_at
        raise AssertionError("nobody was paged")

    def judged(self, at: float, seen: float, region: str, outcome: Outcome) -> bool:
        self.seen[region].append(Attempt(T0 + timedelta(seconds=seen), outcome, "no answer", region))
        views = [View(one, attempts[-12:]) for one, attempts in self.seen.items()]
        found = quorum.decide(Position(State.OK), views, T0 + timedelta(seconds=at), PATIENCE)
        if found.elsewhere:
            for other in REGIONS:
                self.put(at + HEARD_SECONDS, "look", other)
        return found.state == State.FIRING


@pytest.mark.parametrize(("failure", "takes"), [("it refuses", 0.1), ("it hangs", 10.0)])
def test_an_outage_pages_within_a_minute_whenever_it_begins(failure: str, takes: float) -> None:
    waits = [World(instant / 4, takes).paged_at() for instant in range(240)]
    print(f"| {failure} | {sum(waits) / len(waits):.0f} s | {max(waits):.0f} s |")
    assert max(waits) <= 60

"""Each of the cookbook's six with its default windows: from the start of the first bad minute to the page.

The real conditions and the real memory under a virtual clock; what the store would count is counted here from single
requests, in its ten-second buckets. Samples of metrics come once a minute, as OpenTelemetry sends them by default.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from golive.alerts.models import State
from golive.rules import condition
from golive.rules.condition import Deliveries, Memory, Reading, Requests, SignupCount, Timing, Usage, decide
from golive.rules.settings import P95, Disk, ErrorRate, Pool, Signups, WebhookFailures

T0 = datetime(2026, 5, 4, 12, tzinfo=UTC)
EVERY_SECONDS = 10  # how often rules are looked at
PAGE_SECONDS = 5  # from the flip to the mail: a second, and room
Read = Callable[[float], Reading]


def counted(per_minute: int, bad_share: float, now: float, window: float) -> tuple[int, int]:
    """Requests and bad ones of the window: evenly spread since ever, of which a share is bad from second 0 on."""
    since, step = (now - window) // 10 * 10, 60 / per_minute
    first, last = -int(-since // step), int(now // step)
    bad = sum(int((each + 1) * bad_share) > int(each * bad_share) for each in range(max(first, 0), last + 1))
    return last - first + 1, bad


def requests(per_minute: int, bad_share: float, now: float) -> Requests:
    (fast, fast_bad), (whole, whole_bad) = (counted(per_minute, bad_share, now, window) for window in (60, 300))
    slow = [3_000.0 if bad > 0.05 * count else 100.0 for count, bad in ((fast, fast_bad), (whole, whole_bad))]
    return Requests("production", "web", None, fast, fast_bad, slow[0], whole, whole_bad, slow[1])


def sampled(now: float, before: float, after: float) -> float:
    """The latest sample of once a minute, at its worst: one was taken just before the trouble began."""
    return after if now >= 59 else before


RULES: dict[str, Read] = {
    "error rate, 2 % of 300 a minute": lambda now: condition.error_rate(requests(300, 0.02, now), [], ErrorRate()),
    "error rate, 10 % of 60 a minute": lambda now: condition.error_rate(requests(60, 0.1, now), [], ErrorRate()),
    "error rate, all of 6 a minute": lambda now: condition.error_rate(requests(6, 1, now), [], ErrorRate()),
    "p95, 10 % slow of 60 a minute": lambda now: condition.p95(requests(60, 0.1, now), [], P95()),
    "p95, all slow of 6 a minute": lambda now: condition.p95(requests(6, 1, now), [], P95()),
    "pool": lambda now: condition.pool("db", [Usage("production", "web", "db", sampled(now, 10, 90), 100)], Pool()),
    "disk": lambda now: condition.disk(Usage("production", "db1", "/", sampled(now, 0.5, 0.9), 1), Disk()),
    "webhook failures": lambda now: condition.webhook_failures(
        Deliveries("production", "web", 5, 1 if now >= 0 else 0), WebhookFailures(route="/hooks")
    ),
    "zero signups": lambda now: condition.signups(
        SignupCount(0 if now >= 0 else 1, T0 - timedelta(hours=24), T0 - timedelta(days=9)),
        Signups(),
        T0 + timedelta(seconds=now),
    ),
}


def fires_after(read: Read, phase: int) -> float:
    memory = Memory()
    for now in range(-600 + phase, 600, EVERY_SECONDS):
        decision = decide(memory, read(now), Timing(), T0 + timedelta(seconds=now))
        memory = decision.memory
        if memory.state == State.FIRING:
            assert now >= 0, "it fired before anything was bad"
            return now + PAGE_SECONDS
    raise AssertionError("it never fired")


@pytest.mark.parametrize("name", RULES)
def test_every_rule_pages_within_two_minutes_of_the_first_bad_minute(name: str) -> None:
    worst = max(fires_after(RULES[name], phase) for phase in range(EVERY_SECONDS))
    print(f"| {name} | {worst:.0f} s |")
    assert worst <= 120


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("one failure of 300 a minute", lambda now: condition.error_rate(requests(300, 0.003, now), [], ErrorRate())),
        ("4 % slow", lambda now: condition.p95(requests(300, 0.04, now), [], P95())),
    ],
)
def test_what_stays_below_never_pages(name: str, read: Read) -> None:
    with pytest.raises(AssertionError, match="never fired"):
        fires_after(read, 3)

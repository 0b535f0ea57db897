"""The rules' conditions: tables of readings, and the time from a step to the page under a virtual clock."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golive.alerts.models import Severity, State
from golive.rules import condition
from golive.rules.condition import (
    Decision,
    Deliveries,
    Memory,
    Reading,
    Requests,
    SignupCount,
    Timing,
    Usage,
    decide,
)
from golive.rules.evaluate import timing_of
from golive.rules.settings import P95, Disk, ErrorRate, Pool, RuleKind, Signups, WebhookFailures

T0 = datetime(2026, 1, 1, tzinfo=UTC)
CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING


def requests(
    fast: tuple[int, int, float], whole: tuple[int, int, float] | None = None, route: str | None = None
) -> Requests:
    whole = whole or fast
    return Requests("production", "web", route, fast[0], fast[1], fast[2], whole[0], whole[1], whole[2])


@pytest.mark.parametrize(
    ("fast", "whole", "known", "breach", "clear"),
    [
        ((100, 0, 0), None, True, None, True),
        ((100, 1, 0), None, True, None, True),  # one failure never fires
        ((1000, 10, 0), None, True, None, False),  # exactly at the threshold
        ((1000, 11, 0), None, True, WARNING, False),
        ((1000, 50, 0), None, True, WARNING, False),
        ((1000, 51, 0), None, True, CRITICAL, False),
        ((3, 1, 0), None, False, None, False),  # one failure of three does not page
        ((19, 19, 0), None, False, None, False),
        ((20, 20, 0), None, True, CRITICAL, False),
        ((5, 5, 0), (40, 5, 0), True, CRITICAL, False),  # too few in a minute: the whole window decides
        ((5, 0, 0), (40, 0, 0), True, None, True),
        ((100, 0, 0), (1000, 400, 0), True, None, True),  # recovered: the last minute decides
    ],
)
def test_error_rate(
    fast: tuple[int, int, float],
    whole: tuple[int, int, float] | None,
    known: bool,
    breach: Severity | None,
    clear: bool,
) -> None:
    reading = condition.error_rate(requests(fast, whole), [], ErrorRate())
    assert (reading.known, reading.breach, reading.clear) == (known, breach, clear)
    assert reading.text


@pytest.mark.parametrize(
    ("whole", "routes", "breach", "said"),
    [
        (1500.0, [], None, "p95 of web is 1.5s"),
        (2100.0, [], CRITICAL, "p95 of web is 2.1s"),
        (300.0, [("/reports", 40, 9000.0)], WARNING, "p95 of web /reports is 9s"),
        (300.0, [("/reports", 4, 9000.0)], None, "p95 of web is 300ms"),  # too few requests of that route
        (300.0, [("/export", 40, 9000.0)], None, "p95 of web is 300ms"),  # ignored
        (2500.0, [("/reports", 40, 9000.0)], CRITICAL, "p95 of web is 2.5s"),
    ],
)
def test_p95(whole: float, routes: list[tuple[str, int, float]], breach: Severity | None, said: str) -> None:
    parts = [requests((count, 0, value), route=route) for route, count, value in routes]
    reading = condition.p95(requests((100, 0, whole)), parts, P95(ignore=["/export"]))
    assert reading.breach == breach
    assert said in reading.text


@pytest.mark.parametrize(
    ("used", "most", "known", "breach"),
    [(8, 10, True, None), (9, 10, True, WARNING), (10, 10, True, WARNING), (3, 0, False, None)],
)
def test_pool(used: float, most: float, known: bool, breach: Severity | None) -> None:
    usages = [Usage("production", "web", "main", 1, 10), Usage("production", "web", "main", used, most)]
    reading = condition.pool("main", usages if most else usages[1:], Pool())
    assert (reading.known, reading.breach) == (known, breach)


def test_disk() -> None:
    full = condition.disk(Usage("production", "host", "/data", 0.86, 1.0), Disk())
    assert (full.breach, full.key) == (WARNING, "host:/data")
    near = condition.disk(Usage("production", "host", "/data", 0.845, 1.0), Disk())
    assert (near.breach, near.clear) == (None, False)
    assert condition.disk(Usage("production", "host", "/data", 0.83, 1.0), Disk()).clear


@pytest.mark.parametrize(("failures", "breach"), [(0, None), (1, WARNING), (2, WARNING), (3, CRITICAL)])
def test_webhook_failures(failures: int, breach: Severity | None) -> None:
    one = Deliveries("production", "web", 10, failures, ["500"])
    assert condition.webhook_failures(one, WebhookFailures(route="/hook")).breach == breach


@pytest.mark.parametrize(
    ("count", "last_hours", "first_hours", "known", "fires"),
    [
        (3, 1, 100, True, False),
        (0, 25, 100, True, True),
        (0, None, 100, True, True),  # events arrive, but nobody ever signed up
        (0, None, 3, False, False),  # a new product is not judged yet
        (0, None, None, False, False),  # no data is no alarm
        (2, 1, 2, True, False),
    ],
)
def test_signups(count: int, last_hours: int | None, first_hours: int | None, known: bool, fires: bool) -> None:
    def ago(hours: int | None) -> datetime | None:
        return None if hours is None else T0 - timedelta(hours=hours)

    reading = condition.signups(SignupCount(count, ago(last_hours), ago(first_hours)), Signups(), T0)
    assert (reading.known, reading.breach == WARNING) == (known, fires)


def reading_of(letter: str) -> Reading:
    """w warning, c critical, n near (neither breach nor clear), o clear, - nothing known."""
    breach = {"w": WARNING, "c": CRITICAL}.get(letter)
    return Reading("k", "s", letter, known=letter != "-", breach=breach, clear=letter == "o")


def played(letters: str) -> list[tuple[int, Decision]]:
    """Decisions of a reading each ten seconds."""
    decisions = []
    timing, memory = Timing(), Memory()
    for turn, letter in enumerate(letters):
        decision = decide(memory, reading_of(letter), timing, T0 + timedelta(seconds=10 * turn))
        memory = decision.memory
        decisions.append((turn, decision))
    return decisions


@pytest.mark.parametrize(
    ("letters", "flips"),
    [
        ("o", [(0, State.OK, None)]),
        ("ow", [(0, State.OK, None)]),  # a breach must hold
        ("oww", [(0, State.OK, None), (2, State.FIRING, WARNING)]),
        ("occ", [(0, State.OK, None), (2, State.FIRING, CRITICAL)]),
        ("owc", [(0, State.OK, None), (2, State.FIRING, WARNING)]),
        ("owccc", [(0, State.OK, None), (2, State.FIRING, WARNING), (3, State.FIRING, CRITICAL)]),
        ("wowow", [(1, State.OK, None)]),  # flapping breaches never hold
        ("ccnnnnnnnnn", [(1, State.FIRING, CRITICAL)]),  # near the threshold it stays
        ("ccoooooo", [(1, State.FIRING, CRITICAL)]),
        ("ccooooooo", [(1, State.FIRING, CRITICAL), (8, State.OK, None)]),
        ("cco" + "oooncoooooo", [(1, State.FIRING, CRITICAL)]),  # a relapse starts the minute anew
        ("ccwww", [(1, State.FIRING, CRITICAL)]),  # it does not get quieter before it is over
        ("cc" + "-" * 30, [(1, State.FIRING, CRITICAL)]),
        ("cc" + "-" * 31, [(1, State.FIRING, CRITICAL), (32, State.UNKNOWN, None)]),
        ("---", []),
        ("o---o", [(0, State.OK, None)]),
        ("o-------o", [(0, State.OK, None), (7, State.UNKNOWN, None), (8, State.OK, None)]),
    ],
)
def test_states_over_time(letters: str, flips: list[tuple[int, State, Severity | None]]) -> None:
    seen = [
        (turn, decision.memory.state, decision.memory.severity if decision.memory.state == State.FIRING else None)
        for turn, decision in played(letters)
        if decision.flipped
    ]
    assert seen == flips


@given(st.text("wcno-", max_size=120))
def test_flips_alternate_and_firing_always_follows_a_held_breach(letters: str) -> None:
    state = State.UNKNOWN
    severity: Severity | None = None
    for turn, decision in played(letters):
        now = decision.memory
        assert decision.flipped == ((now.state, now.severity) != (state, severity or now.severity))
        if decision.flipped and now.state == State.FIRING:
            assert set(letters[turn - 1 : turn + 1]) <= {"w", "c"}
        state, severity = now.state, now.severity if now.state == State.FIRING else None


@given(st.text("wcno-", max_size=60), st.integers(0, 60))
def test_a_restart_in_the_middle_changes_nothing(letters: str, at: int) -> None:
    """All that a decision needs is in the memory that is kept in the database."""
    whole = [decision.memory for _, decision in played(letters)]
    memory = Memory()
    for turn, letter in enumerate(letters):
        if turn == at:
            memory = Memory(**memory.__dict__)
        memory = decide(memory, reading_of(letter), Timing(), T0 + timedelta(seconds=10 * turn)).memory
        assert memory == whole[turn]


@given(st.text("wcno-", min_size=1, max_size=60))
def test_evaluating_twice_at_once_flips_once(letters: str) -> None:
    memory = Memory()
    for turn, letter in enumerate(letters):
        now = T0 + timedelta(seconds=10 * turn)
        memory = decide(memory, reading_of(letter), Timing(), now).memory
        again = decide(memory, reading_of(letter), Timing(), now)
        assert not again.flipped
        assert again.memory == memory


BUCKET = 10


def stepped(per_second: float, bad_from: int, bad: Callable[[int, int], tuple[int, float]]) -> Iterator[Requests]:
    """What the store would say at every tenth second, for traffic that turns bad at `bad_from` seconds."""
    settings = ErrorRate()
    buckets: list[tuple[int, int, list[float]]] = []
    for index in range(200):
        count = int(per_second * BUCKET * (index + 1)) - int(per_second * BUCKET * index)
        is_bad = index * BUCKET >= bad_from
        failures, p95_ms = bad(count, index) if is_bad else (0, 100.0)
        slow = count - int(count * 0.94) if is_bad and p95_ms > 100 else 0
        buckets.append((count, failures, [100.0] * (count - slow) + [p95_ms] * slow))

        def sums(seconds: float) -> tuple[int, int, float]:
            part = buckets[-(int(seconds // BUCKET) + 1) :]
            times = sorted(value for bucket in part for value in bucket[2])
            p95_ms = times[min(len(times) - 1, int(len(times) * 0.95))] if times else 0.0
            return sum(bucket[0] for bucket in part), sum(bucket[1] for bucket in part), p95_ms

        yield requests(sums(settings.fast.total_seconds()), sums(settings.window.total_seconds()))


def seconds_to_fire(judged: Iterator[Reading], bad_from: int, timing: Timing, offset: int) -> float | None:
    """From the first bad second to the decision, with evaluations every 10 s at `offset` after each bucket's end."""
    memory = Memory()
    for index, reading in enumerate(judged):
        now = T0 + timedelta(seconds=(index + 1) * BUCKET + offset)
        decision = decide(memory, reading, timing, now)
        memory = decision.memory
        if memory.state == State.FIRING:
            return (now - T0).total_seconds() - bad_from
    return None


@settings(max_examples=60, deadline=None)
@given(
    per_second=st.floats(2, 50),
    share=st.floats(0.1, 1.0),
    bad_from=st.integers(20, 80).map(lambda n: n * BUCKET),
    offset=st.integers(0, 10),
)
def test_ten_per_cent_errors_page_within_two_minutes(
    per_second: float, share: float, bad_from: int, offset: int
) -> None:
    rule = ErrorRate()
    failing = stepped(per_second, bad_from, lambda count, _: (int(count * share + 0.5), 100.0))
    judged = (condition.error_rate(one, [], rule) for one in failing)
    took = seconds_to_fire(judged, bad_from, timing_of(RuleKind.ERROR_RATE, rule), offset)
    assert took is not None
    assert took <= 100


@settings(max_examples=40, deadline=None)
@given(per_second=st.floats(5, 50), bad_from=st.integers(20, 80).map(lambda n: n * BUCKET), offset=st.integers(0, 10))
def test_a_p95_of_three_seconds_pages_within_two_minutes(per_second: float, bad_from: int, offset: int) -> None:
    rule = P95()
    slow = stepped(per_second, bad_from, lambda _count, _index: (0, 3000.0))
    judged = (condition.p95(one, [], rule) for one in slow)
    took = seconds_to_fire(judged, bad_from, timing_of(RuleKind.P95, rule), offset)
    assert took is not None
    assert took <= 100


@settings(max_examples=30, deadline=None)
@given(per_second=st.floats(0.5, 50))
def test_healthy_traffic_never_fires(per_second: float) -> None:
    rule = ErrorRate()
    steady = stepped(per_second, 10_000, lambda count, _: (0, 100.0))
    assert seconds_to_fire((condition.error_rate(one, [], rule) for one in steady), 0, Timing(), 3) is None

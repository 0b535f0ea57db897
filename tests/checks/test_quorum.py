"""What several regions see: everywhere, somewhere, a probe's own trouble, or nobody knows."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golive.alerts.models import Severity, State
from golive.checks import quorum
from golive.checks.quorum import View, decide
from golive.checks.verdict import Attempt, Because, Outcome, Position, Scope, Verdict

T0 = datetime(2026, 1, 1, tzinfo=UTC)
PATIENCE = timedelta(minutes=4)
LETTERS = {"u": Outcome.UP, "d": Outcome.DOWN, "f": Outcome.FAULT}
OK = Position.of(State.OK)
DOWN = Position.of(State.FIRING)
PARTLY = Position(State.FIRING, Scope.REGIONAL, Severity.WARNING)
UNKNOWN = Position.of(State.UNKNOWN)


def view(region: str, history: str) -> View:
    """Letters are attempts, one a second and a space for none; `!` in front means that the probe is dead."""
    out = "has been silent for 2m" if history.startswith("!") else ""
    letters = history.lstrip("!")
    attempts = [Attempt(T0 + timedelta(seconds=n), LETTERS[c], c, region) for n, c in enumerate(letters) if c != " "]
    return View(region, attempts, out)


def judged(position: Position, *histories: str) -> Verdict:
    views = [view(name, history) for name, history in zip(("eu", "us", "ap"), histories, strict=False)]
    return decide(position, views, T0 + timedelta(seconds=60), PATIENCE)


@pytest.mark.parametrize(
    ("position", "histories", "state", "scope", "because"),
    [
        (OK, ("uuu", "uuu", "uuu"), State.OK, "", Because.UP),
        (UNKNOWN, ("u", "u", ""), State.OK, "", Because.UP),
        (UNKNOWN, ("", "", ""), State.UNKNOWN, "", Because.NO_DATA),
        # a first failure is not yet anything
        (OK, ("uud", "uuu", "uuu"), State.OK, "", Because.FIRST_FAILURE),
        (OK, ("uudd", "uuu", "uuu"), State.OK, "", Because.FIRST_FAILURE),
        # a second region that fails once more is still two lost packets
        (OK, ("uudd", "uu d", "uuu"), State.OK, "", Because.FIRST_FAILURE),
        # half of the regions and more, and two tries more than that
        (OK, ("uudd", "uu dd", "uuu"), State.FIRING, "global", Because.CONFIRMED),
        (OK, ("uudd", "uu d", "uu d"), State.FIRING, "global", Because.CONFIRMED),
        (OK, ("udd", "udd"), State.FIRING, "global", Because.CONFIRMED),
        (DOWN, ("ddd", "ddd", "ddd"), State.FIRING, "global", Because.STILL_DOWN),
        # somewhere only: three in a row there, and the others looked after it began
        (OK, ("uddd", "u  u", "u  u"), State.FIRING, "regional", Because.ELSEWHERE),
        (OK, ("uddd", "u", "u"), State.OK, "", Because.FIRST_FAILURE),
        (OK, ("udd", "u u", "u u"), State.OK, "", Because.FIRST_FAILURE),
        (PARTLY, ("ddddd", "uuuuu", "uuuuu"), State.FIRING, "regional", Because.ELSEWHERE),
        # from somewhere to everywhere and back
        (PARTLY, ("ddd", "udd", "uuu"), State.FIRING, "global", Because.CONFIRMED),
        (DOWN, ("ddddd", "ddduu", "ddduu"), State.FIRING, "regional", Because.ELSEWHERE),
        # recovery takes two in a row wherever it counts
        (DOWN, ("dddu", "dddu", "dddu"), State.FIRING, "global", Because.FIRST_SUCCESS),
        (DOWN, ("dduu", "dduu", "dddu"), State.FIRING, "global", Because.FIRST_SUCCESS),
        (DOWN, ("dduu", "dduu", "dduu"), State.OK, "", Because.UP),
        (PARTLY, ("ddduu", "uuuuu", "uuuuu"), State.OK, "", Because.UP),
        (PARTLY, ("dddu", "uuuu", "uuuu"), State.FIRING, "regional", Because.FIRST_SUCCESS),
        # dead probes and probes that cannot probe do not count
        (OK, ("!ddd", "uuu", "uuu"), State.OK, "", Because.UP),
        (OK, ("fff", "uuu", "uuu"), State.OK, "", Because.UP),
        (OK, ("!", "!", "!"), State.UNKNOWN, "", Because.NO_PROBE),
        (DOWN, ("!ddd", "!ddd", "fff"), State.UNKNOWN, "", Because.NO_PROBE),
        # one region left is judged alone, as if there were no other
        (OK, ("!uuu", "!uuu", "uudd"), State.FIRING, "global", Because.CONFIRMED),
        (OK, ("!uuu", "!uuu", "uud"), State.OK, "", Because.FIRST_FAILURE),
        (OK, ("uudd",), State.FIRING, "global", Because.CONFIRMED),
    ],
)
def test_verdicts(position: Position, histories: tuple[str, ...], state: State, scope: str, because: Because) -> None:
    verdict = judged(position, *histories)
    assert (verdict.position.state, verdict.position.scope, verdict.because) == (state, scope, because)
    assert verdict.text


def test_a_verdict_says_where_and_since_when() -> None:
    verdict = judged(OK, "uudd", "uu dd", "uuu")
    assert "2 of 3 regions: eu, us" in verdict.text
    assert verdict.began_at == T0 + timedelta(seconds=2)
    regional = judged(OK, "uddd", "u  u", "u  u")
    assert regional.severity is Severity.WARNING
    assert "from eu, while it is up from ap, us" in regional.text
    silent = judged(OK, "!", "!", "fff")
    assert "eu has been silent for 2m" in silent.text


def test_a_first_failure_asks_elsewhere_until_they_have_looked() -> None:
    assert judged(OK, "uud", "uu", "uu").elsewhere
    assert not judged(OK, "uudd", "uu u", "uu u").elsewhere


def test_what_is_too_old_says_nothing() -> None:
    views = [view("eu", "dddd"), view("us", "dddd")]
    late = decide(OK, views, T0 + timedelta(hours=1), PATIENCE)
    assert late.because is Because.NO_PROBE


@given(st.lists(st.text("uf ", max_size=12), min_size=1, max_size=4))
def test_without_a_failure_nothing_is_down(histories: list[str]) -> None:
    for position in (OK, UNKNOWN):
        assert judged(position, *histories).state != State.FIRING


@given(st.lists(st.text("udf ", max_size=12), min_size=1, max_size=3), st.sampled_from([OK, DOWN, PARTLY, UNKNOWN]))
def test_down_everywhere_needs_half_and_a_lost_probe_decides_nothing(histories: list[str], position: Position) -> None:
    verdict = judged(position, *histories)
    if verdict.position == DOWN and position != DOWN:
        looked = [history.replace(" ", "") for history in histories]
        ends = [history.replace("f", "")[-1:] for history in looked if not history.endswith("fff")]
        assert ends.count("d") * 2 > sum(1 for end in ends if end)


def test_no_false_page_in_ten_thousand_healthy_rounds_with_one_percent_loss() -> None:
    """Each look of each region is lost with 1 %: far worse than 1 % of packets, which TCP sends again."""
    dice = random.Random(20261125)
    fired = doubted = 0
    position = OK
    history: dict[str, list[Attempt]] = {"eu": [], "us": [], "ap": []}
    now = T0

    def look(region: str) -> None:
        outcome = Outcome.DOWN if dice.random() < 0.01 else Outcome.UP
        history[region] = [*history[region][-11:], Attempt(now, outcome, "lost", region)]

    def verdict() -> Verdict:
        return decide(position, [View(region, seen) for region, seen in history.items()], now, PATIENCE)

    for _ in range(10_000):
        for region in history:
            now += timedelta(seconds=20)
            look(region)
            for _ in range(6):
                found = verdict()
                if found.state is State.FIRING:
                    fired += 1
                if not found.check_again:
                    break
                doubted += 1
                now += timedelta(seconds=1)
                for other in history:
                    if found.elsewhere or other == region:
                        look(other)
    assert doubted > 200  # the loss was real
    assert fired == 0


@pytest.mark.parametrize(
    ("alone", "compared", "fault"), [(3, 4, True), (3, 6, False), (2, 2, False), (9, 10, True), (0, 10, False)]
)
def test_a_probe_that_alone_sees_most_fail_has_trouble_of_its_own(alone: int, compared: int, fault: bool) -> None:
    assert bool(quorum.fault_of_probe(alone, compared)) is fault

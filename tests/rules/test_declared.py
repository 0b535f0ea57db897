"""Declared rules on values: tables of what each kind says, and how a simulation tells it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from golive.alerts.models import Severity
from golive.rules import burn, groups, judge
from golive.rules.cases import Case, CaseError, run, values
from golive.rules.condition import Reading, Timing
from golive.rules.custom import RuleError, read
from golive.rules.expression import parse
from golive.rules.settings import Absence, Anomaly, Burn, Change, ErrorGroups, Threshold
from golive.rules.simulate import simulate

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
COUNT = parse("count(logs)")


@pytest.mark.parametrize(
    ("settings", "value", "breach", "clear"),
    [
        ({"warning": 5, "critical": 10}, 4, None, True),
        ({"warning": 5, "critical": 10}, 4.9, None, False),
        ({"warning": 5, "critical": 10}, 5, Severity.WARNING, False),
        ({"warning": 5, "critical": 10}, 10, Severity.CRITICAL, False),
        ({"critical": 10}, 9.5, None, False),
        ({"direction": "below", "warning": 10}, 10, Severity.WARNING, False),
        ({"direction": "below", "warning": 10}, 10.5, None, False),
        ({"direction": "below", "warning": 10}, 12, None, True),
        ({"warning": 0}, 0, Severity.WARNING, False),
    ],
)
def test_threshold(settings: dict[str, Any], value: float, breach: Severity | None, clear: bool) -> None:
    found = judge.threshold(Threshold(query="count(logs)", **settings), COUNT, (), value)
    assert (found.breach, found.clear, found.known) == (breach, clear, True)
    assert judge.threshold(Threshold(query="count(logs)", **settings), COUNT, (), None).known is False


@pytest.mark.parametrize(
    ("value", "before", "known", "breach"),
    [
        (0, True, True, Severity.WARNING),
        (None, True, True, Severity.WARNING),
        (3, True, True, None),
        (0, False, False, None),
    ],
)
def test_absence(value: float | None, before: bool, known: bool, breach: Severity | None) -> None:
    found = judge.absence(Absence(query="count(logs)"), COUNT, (), value, before)
    assert (found.known, found.breach) == (known, breach)


@pytest.mark.parametrize(
    ("direction", "value", "earlier", "breach"),
    [
        ("drop", 60, 100, Severity.WARNING),
        ("drop", 40, 100, Severity.CRITICAL),
        ("drop", 200, 100, None),
        ("rise", 200, 100, Severity.CRITICAL),
        ("any", 135, 100, Severity.WARNING),
        ("drop", 0, 100, Severity.CRITICAL),
    ],
)
def test_change(direction: str, value: float, earlier: float, breach: Severity | None) -> None:
    rule = Change(query="sum(event paid)", direction=direction, warning=0.3, critical=0.5)  # type: ignore[arg-type]
    assert judge.change(rule, parse(rule.query), (), value, earlier).breach == breach
    assert judge.change(rule, parse(rule.query), (), value, 5).known is False
    assert judge.change(rule, parse(rule.query), (), None, earlier).known is False


@pytest.mark.parametrize(
    ("direction", "value", "past", "known", "breach"),
    [
        ("any", 100, [98, 101, 99, 103], True, None),
        ("any", 10, [98, 101, 99, 103], True, Severity.WARNING),
        ("rise", 10, [98, 101, 99, 103], True, None),
        ("any", 150, [50, 100, 150, 100], True, None),  # it is usually that wild
        ("any", 10, [98, None, 101], False, None),
        ("any", 100, [1, 2, 3, 2], False, None),
    ],
)
def test_anomaly(direction: str, value: float, past: list[float | None], known: bool, breach: Severity | None) -> None:
    rule = Anomaly(query="count(requests)", direction=direction)  # type: ignore[arg-type]
    found = judge.anomaly(rule, parse(rule.query), (), value, past)
    assert (found.known, found.breach) == (known, breach)


def tallies(minutes: int, total: float, bad: float, last: int = 0, last_bad: float = 0) -> burn.Sums:
    first = NOW.timestamp() - minutes * 60
    return burn.Sums(
        [burn.Tally(first + 60 * n, total, last_bad if n >= minutes - last else bad) for n in range(minutes)]
    )


OVER = burn.Sums([burn.Tally(NOW.timestamp() - 3000 + 60 * n, 100, 50 if n < 10 else 0) for n in range(50)])


@pytest.mark.parametrize(
    ("sums", "breach"),
    [
        (tallies(4400, 100, 0), None),
        (tallies(4400, 100, 0, 2, 100), Severity.CRITICAL),  # an outage of everything, in its second minute
        (tallies(4400, 100, 0, 60, 2), Severity.CRITICAL),  # 2 % for an hour is 20 times too fast
        (tallies(4400, 100, 0, 60, 1), None),  # 1 % for an hour may be
        (tallies(4400, 100, 0, 360, 0.7), Severity.CRITICAL),
        (tallies(4400, 100, 0.15), Severity.WARNING),
        (OVER, Severity.WARNING),  # half failed, until forty minutes ago: no page
    ],
)
def test_burn(sums: burn.Sums, breach: Severity | None) -> None:
    assert burn.judge(Burn(objective=0.999), sums, NOW.timestamp()).breach == breach


def test_a_budget() -> None:
    found = burn.remaining(Burn(objective=0.99), [burn.Tally(0, 900, 2), burn.Tally(60, 100, 3)])
    assert (found.total, found.bad, round(found.allowed, 6), round(found.left or 0, 6)) == (1000, 5, 10, 0.5)
    assert burn.remaining(Burn(), []).left is None
    assert burn.judge(Burn(), burn.Sums([]), NOW.timestamp()).known is False


@pytest.mark.parametrize(
    ("about", "breach"),
    [
        ({"first_seen": NOW}, Severity.WARNING),
        ({"first_seen": NOW - timedelta(hours=2), "last_seen": NOW - timedelta(minutes=20)}, None),
        ({"first_seen": NOW, "decided": True}, None),
        ({"first_seen": NOW - timedelta(days=30), "regressed_at": NOW}, Severity.WARNING),
        ({"first_seen": NOW - timedelta(days=2)}, None),
    ],
)
def test_error_groups(about: dict[str, Any], breach: Severity | None) -> None:
    told = {"fingerprint": "f", "name": "ValueError: x", "service": "web", "environment": "", "last_seen": NOW, **about}
    found = groups.judge(groups.Group(**told), ErrorGroups(), NOW)
    assert found is not None
    assert (found.breach, found.clear) == (breach, breach is None)


def test_together_the_loudest_speaks() -> None:
    some = [
        Reading("a", "a", "a is 12", breach=Severity.WARNING, value=12),
        Reading("b", "b", "b is 30", breach=Severity.CRITICAL, value=30),
        Reading("c", "c", "c is 1", clear=True, value=1),
    ]
    (found,) = judge.together(some, "errors")
    assert (found.key, found.breach, found.text, found.clear) == ("all", Severity.CRITICAL, "b is 30; so do a", False)


def test_a_simulation_tells_what_fired_and_how_long() -> None:
    def at(minute: int, breach: Severity | None) -> tuple[datetime, list[Reading]]:
        return NOW + timedelta(minutes=minute), [Reading("k", "web", "it is", breach=breach, clear=breach is None)]

    steps = [at(n, Severity.CRITICAL if 3 <= n < 8 else Severity.WARNING if n == 2 else None) for n in range(12)]
    (found,) = simulate(steps, Timing())
    assert (found.severity, found.began_at, found.at, found.until) == (
        Severity.CRITICAL,
        NOW + timedelta(minutes=2),
        NOW + timedelta(minutes=3),
        NOW + timedelta(minutes=9),
    )
    assert simulate(steps[:6], Timing())[0].until is None
    assert simulate([at(0, None)], Timing()) == []


RULES: Mapping[str, Any] = {
    "errors": Threshold.model_validate({"query": "count(logs)", "warning": 5, "critical": 10, "for": "2m"}),
    "revenue": Change(query="sum(event paid)", warning=0.3),
    "traffic": Anomaly(query="count(requests)"),
    "slo-web": Burn(),
}


@pytest.mark.parametrize(
    ("case", "problems"),
    [
        ({"rule": "errors", "series": {"": "0x5 12x10 0x10"}, "fires": "7m", "severity": "critical"}, []),
        ({"rule": "errors", "series": {"": "0x5 12x10 0x10"}, "fires": "5m"}, ["it fired after 7m, not by 5m"]),
        ({"rule": "errors", "series": {"": "0x5 12x2 0x10"}, "fires": False}, []),  # it did not last
        ({"rule": "errors", "series": {"": "0x5"}}, ["it did not fire"]),
        ({"rule": "errors", "series": {"": "0x5 6x10"}, "severity": "critical"}, ["it was warning, not critical"]),
        ({"rule": "errors", "series": {"": "12x10 0x10"}, "recovers": "12m"}, []),
        ({"rule": "errors", "series": {"": "12x20"}, "recovers": True}, ["it did not recover"]),
        ({"rule": "revenue", "series": {"": "60x5"}, "past": {"": "100"}, "fires": "1m"}, []),
        ({"rule": "revenue", "series": {"": "90x5"}, "past": {"": "100"}, "fires": False}, []),
        ({"rule": "traffic", "series": {"": "100x3 10x5"}, "past": {"": "100"}, "fires": "4m"}, []),
    ],
)
def test_cases(case: dict[str, Any], problems: list[str]) -> None:
    assert list(run(Case.model_validate(case), RULES).problems) == problems


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({"rule": "nope", "series": {"": "1"}}, "no rule nope"),
        ({"rule": "slo-web", "series": {"": "1"}}, "not about a query"),
        ({"rule": "errors", "series": {"": "many"}}, "no value"),
        ({"rule": "errors", "series": {"": ""}}, "empty"),
    ],
)
def test_cases_that_cannot_be_run(case: dict[str, Any], words: str) -> None:
    with pytest.raises(CaseError, match=words):
        run(Case.model_validate(case), RULES)
    assert values("1x2 _ 0.5") == [1.0, 1.0, None, 0.5]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"query": "count(logs)"}, "say when it fires"),
        ({"query": "count(tables)", "warning": 1}, "is no query"),
        ({"kind": "loud", "query": "count(logs)"}, "one of the kinds threshold"),
        ({"query": "count(logs)", "warning": "a lot"}, "percentage"),
        ({"query": "count(logs)", "warning": 1, "window": "30d"}, "less than or equal"),
        ({"query": "count(logs)", "warning": 1, "wndow": "5m"}, "wndow"),
    ],
)
def test_rules_that_do_not_fit(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(RuleError, match=words):
        read(settings)


def test_levels_as_people_write_them() -> None:
    _, found = read({"query": "count(requests{error:true}) / count(requests)", "warning": "5%", "critical": 0.1})
    assert isinstance(found, Threshold)
    assert (found.warning, found.critical) == (0.05, 0.1)
    _, slow = read({"query": "p95(requests)", "critical": "2s", "runbook": "file:/etc/passwd"})
    assert isinstance(slow, Threshold)
    assert (slow.critical, slow.runbook) == (
        2000,
        "file:/etc/passwd",
    )  # only the file may refer to files

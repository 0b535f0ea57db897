"""How components stand, and when golive tells of an incident by itself."""

from datetime import UTC, datetime, timedelta

import pytest

from golive.incidents.lifecycle import State
from golive.statuspage.autopublish import Facts, decide
from golive.statuspage.models import Told
from golive.statuspage.standing import Condition, Status, of_component, of_page

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
OK, DOWN, UNKNOWN = (
    (lambda n: Condition(n, "ok")),
    (lambda n: Condition(n, "firing")),
    (lambda n: Condition(n, "unknown")),
)


def warn(name):
    return Condition(name, "firing", "warning")


@pytest.mark.parametrize(
    ("conditions", "said", "status"),
    [
        ([], None, Status.UNKNOWN),
        ([OK("check:a")], None, Status.OPERATIONAL),
        ([OK("check:a"), UNKNOWN("rule:r")], None, Status.OPERATIONAL),
        ([UNKNOWN("check:a"), OK("rule:r")], None, Status.UNKNOWN),
        ([OK("check:a"), UNKNOWN("check:b")], None, Status.OPERATIONAL),
        ([DOWN("check:a")], None, Status.MAJOR),
        ([DOWN("check:a"), OK("check:b")], None, Status.PARTIAL),
        ([OK("check:a"), DOWN("rule:error_rate")], None, Status.PARTIAL),
        ([OK("check:a"), warn("rule:p95")], None, Status.DEGRADED),
        ([Condition("check:a", "firing", "warning", regional=True)], None, Status.PARTIAL),
        ([OK("check:a"), Condition("check:b", "firing", "warning", regional=True)], None, Status.PARTIAL),
        ([OK("check:a")], Status.PARTIAL, Status.PARTIAL),
        ([DOWN("check:a")], Status.DEGRADED, Status.MAJOR),
    ],
)
def test_components(conditions, said, status):
    standing = of_component(conditions, said)
    assert standing.status == status
    assert standing.reason


@pytest.mark.parametrize(
    ("statuses", "open_notices", "indicator", "sentence"),
    [
        ([], 0, "minor", "Nothing is watched yet"),
        (["operational", "operational"], 0, "none", "All systems operational"),
        (["operational", "unknown"], 0, "minor", "No data about some systems"),
        (["unknown"], 0, "minor", "No data about any system"),
        (["major_outage", "operational"], 0, "major", "Some systems are down"),
        (["major_outage", "major_outage"], 0, "critical", "Major outage"),
        (["degraded_performance", "unknown"], 0, "minor", "Degraded performance"),
        (["operational"], 1, "minor", "All systems operational; a recent incident is being watched"),
    ],
)
def test_pages(statuses, open_notices, indicator, sentence):
    overall = of_page({str(n): Status(status) for n, status in enumerate(statuses)}, open_notices)
    assert (overall.indicator, overall.sentence) == (indicator, sentence)


@pytest.mark.parametrize(
    ("state", "minutes", "last", "critical", "components", "told"),
    [
        (State.DETECTED, 4, None, True, ("API",), None),
        (State.DETECTED, 5, None, True, ("API",), Told.INVESTIGATING),
        (State.ACKNOWLEDGED, 9, None, True, ("API",), Told.INVESTIGATING),
        (State.DETECTED, 9, None, False, ("API",), None),
        (State.DETECTED, 9, None, True, (), None),
        (State.MITIGATED, 9, None, True, ("API",), None),
        (State.DETECTED, 9, Told.IDENTIFIED, True, ("API",), None),
        (State.MITIGATED, 9, Told.IDENTIFIED, True, ("API",), Told.MONITORING),
        (State.MITIGATED, 9, Told.MONITORING, True, ("API",), None),
        (State.DETECTED, 9, Told.MONITORING, True, ("API",), Told.INVESTIGATING),
        (State.RESOLVED, 9, Told.MONITORING, True, ("API",), Told.RESOLVED),
        (State.RESOLVED, 9, Told.INVESTIGATING, False, (), Told.RESOLVED),
        (State.RESOLVED, 9, None, True, ("API",), None),
        (State.RESOLVED, 9, Told.RESOLVED, True, ("API",), None),
    ],
)
def test_telling(state, minutes, last, critical, components, told):
    began = NOW - timedelta(minutes=minutes)
    mitigated = NOW if state in (State.MITIGATED, State.RESOLVED) else None
    say = decide(Facts(state, critical, components, began, mitigated, last), timedelta(minutes=5), NOW)
    assert (say.told if say else None) == told

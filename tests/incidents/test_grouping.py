"""Which incident a flip belongs to."""

from datetime import UTC, datetime, timedelta

import pytest

from golive.incidents.grouping import Candidate, home_of
from golive.incidents.lifecycle import State

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
HOME = ("check:home", "")


def candidate(state=State.DETECTED, service="", sources=(HOME,), fired_ago=1, mitigated_ago=None, ident=1, deploy=""):
    mitigated_at = NOW - timedelta(minutes=mitigated_ago) if mitigated_ago is not None else None
    return Candidate(
        ident, state, service, frozenset(sources), NOW - timedelta(minutes=fired_ago), mitigated_at, deploy
    )


@pytest.mark.parametrize(
    ("source", "service", "candidates", "wanted", "reopens"),
    [
        (HOME, "", [], None, False),
        (HOME, "", [candidate()], 1, False),
        (HOME, "", [candidate(state=State.ACKNOWLEDGED, fired_ago=600)], 1, False),
        (HOME, "", [candidate(state=State.MITIGATED, mitigated_ago=5)], 1, True),
        (HOME, "", [candidate(state=State.MITIGATED, mitigated_ago=25 * 60)], None, False),
        (("rule:p95", ""), "web", [candidate()], 1, False),
        (("rule:p95", ""), "web", [candidate(service="web")], 1, False),
        (("rule:p95", ""), "web", [candidate(service="worker")], None, False),
        (("rule:p95", ""), "web", [candidate(fired_ago=11)], None, False),
        (("rule:p95", ""), "", [candidate(state=State.MITIGATED, mitigated_ago=1)], None, False),
        (("disk", "/var"), "", [candidate(sources=[("disk", "/")], fired_ago=30)], None, False),
        (HOME, "", [candidate(ident=1, fired_ago=1, sources=()), candidate(ident=2)], 2, False),
        (("rule:p95", ""), "web", [candidate(service="worker", deploy="7")], 1, False),  # broken by one deploy
        (("rule:p95", ""), "web", [candidate(service="worker", deploy="6")], None, False),
        (("rule:p95", ""), "web", [candidate(service="worker", deploy="7", fired_ago=11)], None, False),
        (("rule:p95", ""), "web", [candidate(service="worker", deploy="7", state=State.MITIGATED)], None, False),
    ],
)
def test_home(source, service, candidates, wanted, reopens):
    home = home_of(source, service, candidates, NOW, deploy="7")
    assert (home.id, home.reopens) == (wanted, reopens), home.reason

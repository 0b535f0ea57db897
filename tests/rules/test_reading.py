"""Reading how rules stand costs the same however many there are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from golive.people import keys
from golive.rules.configure import ensure
from golive.rules.history import histories
from golive.rules.settings import COOKBOOK, RuleKind
from golive.rules.standing import standings
from golive.telemetry import store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def test_six_standings_take_two_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    project = keys.add_project("acme", "Acme")[0]
    ensure(project)
    with django_assert_num_queries(2):
        found = standings(project, NOW)
        assert {one.rule.project.slug for one in found} == {"acme"}
    assert len(found) == len(COOKBOOK)


def test_rules_over_the_same_rows_read_them_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def rows(sql: str, **parameters: Any) -> list[dict[str, Any]]:
        asked.append(sql)
        return [{"at": parameters["since"], "all_failures": 1, "all_requests": 4, "all_p95_ms": 70.0, "value": 0.5}]

    monkeypatch.setattr(store, "rows", rows)
    rules = ensure(keys.add_project("acme", "Acme")[0])
    found = dict(
        zip(
            (RuleKind(rule.kind) for rule in rules),
            histories(rules, NOW - timedelta(hours=1), NOW, timedelta(minutes=1)),
            strict=True,
        )
    )
    assert len(asked) == len(set(asked))
    assert found[RuleKind.ERROR_RATE].values[:2] == [25.0, None]
    assert found[RuleKind.P95].values[:2] == [70.0, None]
    assert len(found[RuleKind.P95].times) == 60

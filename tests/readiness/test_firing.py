"""The cookbook's rules fire in rehearsal, on planted rows in a real store, and nothing of it stays."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from golive.alerts.models import Flip
from golive.people.models import Project
from golive.readiness import firing
from golive.readiness.items.monitoring import sees
from golive.rules.configure import ensure
from golive.rules.models import Rule
from golive.rules.settings import COOKBOOK, RuleKind, settings_of
from golive.telemetry import facts, store
from tests.telemetry.stores import StoreProcess, running_store

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    with running_store(tmp_path_factory.mktemp("store")) as process:
        yield process
        facts.stop_loader()


def product(**more: object) -> Project:
    """A project whose webhook route is declared; `more` are settings of rules by kind."""
    project = Project.objects.create(slug="fired", name="fired")
    settings = {RuleKind.WEBHOOK_FAILURES: {"route": "/webhooks/payments"}, **more}
    for rule in ensure(project):
        rule.settings = {**rule.settings, **settings.get(rule.kind, {})}  # type: ignore[dict-item]
        rule.save()
    return project


@pytest.mark.django_db
def test_each_rule_fires_and_nothing_stays(engine: StoreProcess) -> None:
    project = product(p95={"critical": "7s"}, signups={"window": "2h"})
    before = Rule.objects.count()
    fired = firing.rehearse(project)
    assert set(fired.said) == {kind.value for kind in COOKBOOK}
    assert "7s" in fired.said["p95"]
    assert fired.said["error_rate"].startswith("critical: 100 % of requests fail")
    assert list(Project.objects.values_list("slug", flat=True)) == ["fired"]
    assert (Flip.objects.count(), Rule.objects.count()) == (0, before)
    for row in store.rows(firing.SQL["tables"]):
        count = store.row(f"SELECT count() AS n FROM {row['table']} WHERE startsWith(project, 'rehearsal-')")
        assert count["n"] == 0, row["table"]


def test_what_is_planted_breaks_the_thresholds_in_force() -> None:
    settings = {
        kind: settings_of(kind, given)
        for kind, given in {
            RuleKind.ERROR_RATE: {"minimum_requests": 70},
            RuleKind.P95: {"critical": "30s"},
            RuleKind.WEBHOOK_FAILURES: {"route": "/pay", "critical": 90},
            RuleKind.SIGNUPS: {"window": "48h"},
        }.items()
    }
    rows = firing.planted("rehearsal-x", "x", settings, NOW)
    spans, events = rows["spans_arriving"], rows["events"]
    assert len(spans) == 90
    assert {span["http_route"] for span in spans} == {"/pay"}
    assert all(span["duration_ns"] > 30e9 for span in spans)
    assert NOW - events[0]["received_at"] > timedelta(hours=48)
    assert {row["project"] for some in rows.values() for row in some} == {"rehearsal-x"}


@pytest.mark.django_db
def test_a_rule_without_a_reading_does_not_fire() -> None:
    project = product()
    assert firing.decided(project, "rehearsal-none", {}, NOW) == {}


@pytest.mark.parametrize(
    ("state", "reason", "hours", "seen"),
    [
        ("ok", "1 % of requests fail", 100, True),
        ("unknown", "too few requests to judge: 3 in 5m, 20 needed", 1, True),
        ("unknown", "no signup yet; events arrive since 2h, judged after 24h", 2, True),
        ("unknown", "no data arrives any more", 2, True),
        ("unknown", "no data arrives any more", 30, False),
        ("unknown", "no business event has ever arrived", 1, False),
        ("unknown", "no route is declared: write [alerts]", 1, False),
    ],
)
def test_a_rule_has_data_when_it_saw_some_lately(state: str, reason: str, hours: int, seen: bool) -> None:
    assert sees(state, reason, NOW - timedelta(hours=hours), NOW) is seen

"""The dead-man's switch pings while golive can page, and falls silent when it cannot. Two installs watch each other."""

from datetime import UTC, datetime, timedelta

import pytest

from golive.alerts import liveness
from golive.alerts.liveness import Liveness
from golive.incidents import watchdog
from golive.incidents.models import Watchdog
from golive.incidents.section import WatchdogPlan, apply, differences
from golive.incidents.watchdog import judge
from golive.people.models import Project
from tests.receiver import receiving

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
M = timedelta(minutes=1)


def part(alive):
    return Liveness("prober", alive, "at work" if alive else "silent for 90 s", NOW, {})


@pytest.mark.parametrize(
    ("parts", "oldest", "sound", "word"),
    [
        ([part(True)], None, True, "at work"),
        ([part(True)], NOW - 2 * M, True, "at work"),
        ([part(True)], NOW - 4 * M, False, "not been delivered for 4m"),
        ([part(True), part(False)], None, False, "prober silent for 90 s"),
    ],
)
def test_judge(parts, oldest, sound, word):
    found = judge(parts, oldest, NOW)
    assert (found.sound, word in found.reason) == (sound, True)


@pytest.fixture
def outside(monkeypatch):
    monkeypatch.setenv("GOLIVE_ALLOW_PRIVATE", "127.0.0.0/8")
    with receiving() as receiver:
        yield receiver


@pytest.mark.django_db
def test_it_pings_at_its_pace_and_falls_silent_when_a_part_does(outside):
    project = Project.objects.create(slug="acme", name="acme")
    plan = WatchdogPlan(pings=[f"{outside.url}/ping/secret-token"])
    apply(project.pk, plan, "cli")
    assert differences(project.pk, plan) == []
    liveness.beat("prober", NOW, M)
    assert [watchdog.ping_due(NOW + seconds * M / 60) for seconds in (0, 30, 60)] == [1, 0, 1]
    assert [got.path for got in outside.got] == ["/ping/secret-token"] * 2
    watchdog.ping_due(NOW + 10 * M)  # the prober has been silent for ten minutes
    assert len(outside.got) == 2
    assert "held back: prober silent" in Watchdog.objects.get().last_error
    liveness.beat("prober", NOW + 20 * M, M)
    outside.answer = 500
    watchdog.ping_due(NOW + 20 * M)
    assert Watchdog.objects.get().last_error == "address 1: answered 500"

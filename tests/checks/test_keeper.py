"""Checks in the database: what golive.toml makes of them, and transitions written exactly once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from golive.alerts.models import Flip, State
from golive.apply import execute, plan
from golive.checks.keeper import DatabaseKeeper
from golive.checks.models import Check, CheckState
from golive.checks.verdict import Because, Position, Verdict
from golive.config import reader
from golive.people.models import AuditEntry, Project

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 1, 1, tzinfo=UTC)
TOML = """
[app]
name = "acme"
url = "http://127.0.0.1:8000"
[checks.home]
url = "/healthz"
contains = "ok"
[checks.api]
url = "https://api.example/"
every = "30s"
status = [200, 204]
latency = "2s"
"""


@pytest.fixture
def project() -> Project:
    return Project.objects.create(slug="acme", name="acme")


def applied(folder: Path, text: str) -> list[str]:
    path = folder / "golive.toml"
    path.write_text(text)
    planned = plan(path, [], None)
    told = [f"{difference.verb} {difference.subject}" for difference in planned.differences]
    execute(planned, "ada@acme.example")
    return told


def test_applying_adds_changes_and_removes_checks(project: Project, tmp_path: Path) -> None:
    assert {"add checks.api", "add checks.home", "add app.url"} <= set(applied(tmp_path, TOML))
    home = Check.objects.get(name="home")
    assert (home.full_url, home.every) == ("http://127.0.0.1:8000/healthz", timedelta(seconds=60))
    assert (home.kind, home.options["status"], home.options["contains"]) == ("http", [200], "ok")
    assert CheckState.objects.get(check_row=home).state == State.UNKNOWN
    again = [told for told in applied(tmp_path, TOML) if "checks" in told]
    assert again == []
    changed = applied(tmp_path, TOML.replace("30s", "10s").replace("[checks.home]", "[checks.start]"))
    assert changed == ["change checks.api", "remove checks.home", "add checks.start"]
    assert AuditEntry.objects.filter(action="config.apply").count() >= 2


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[checks.Home]\nurl='/'\n", "checks"),
        ("[checks.a]\nurl='ftp://x'\n", "checks.a"),
        ("[checks.a]\nurl='/'\nevery='10ms'\n", "checks.a"),
        ("[checks.a]\nurl='/'\nstatus=42\n", "checks.a.status"),
        ("[checks.a]\nurl='/'\nmethod='DELETE'\n", "checks.a.method"),
    ],
)
def test_what_is_wrong_in_a_check_is_told(project: Project, tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(reader.ConfigError) as raised:
        applied(tmp_path, "[app]\nname='acme'\n" + text)
    assert raised.value.problems[0].key == key
    assert raised.value.problems[0].line >= 3


def test_a_transition_is_written_once_whoever_asks(project: Project, tmp_path: Path) -> None:
    applied(tmp_path, TOML)
    first, second = DatabaseKeeper(), DatabaseKeeper()
    found = first.targets()
    assert found is not None
    assert first.targets() is None
    target = next(target for target, _ in found.values() if target.name == "home")
    down = Verdict(State.FIRING, Because.CONFIRMED, "answered 503, not 200", T0)
    assert first.flip(target, Position.of(State.UNKNOWN), down, T0 + timedelta(seconds=5)).state == State.FIRING
    assert second.flip(target, Position.of(State.UNKNOWN), down, T0 + timedelta(seconds=6)).state == State.FIRING
    (flip,) = Flip.objects.all()
    assert (flip.title, flip.reason, flip.began_at, flip.severity) == ("home is down", down.text, T0, "critical")
    assert flip.evidence["link"] == "/p/acme/checks/home/"
    up = Verdict(State.OK, Because.UP, "answered 200", T0 + timedelta(minutes=3))
    first.flip(target, Position.of(State.FIRING), up, T0 + timedelta(minutes=3))
    assert Flip.objects.order_by("-id")[0].title == "home is up again after 3m"


def test_the_first_ok_is_no_flip_and_a_removed_check_does_not_stay_down(project: Project, tmp_path: Path) -> None:
    applied(tmp_path, TOML)
    keeper = DatabaseKeeper()
    targets = {target.name: target for target, _ in (keeper.targets() or {}).values()}
    keeper.flip(targets["home"], Position.of(State.UNKNOWN), Verdict(State.OK, Because.UP, "answered 200", T0), T0)
    assert not Flip.objects.exists()
    keeper.flip(targets["home"], Position.of(State.OK), Verdict(State.FIRING, Because.CONFIRMED, "gone", T0), T0)
    applied(tmp_path, TOML.replace("[checks.home]", "[checks.start]"))
    last = Flip.objects.order_by("-id")[0]
    assert (last.old, last.new) == (State.FIRING, State.UNKNOWN)
    keeper.beat(T0, [target.number for target in targets.values()], {"lag_p99_ms": 1})
    assert keeper.targets() is not None

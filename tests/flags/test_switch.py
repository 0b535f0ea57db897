"""Changes of flags: published, audited, marked on charts; a guard that switches off, on rows in a real store."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.test import TestCase

from golive.alerts.models import Flip, State
from golive.changes.models import Change
from golive.flags import keys, switch, watch
from golive.flags.guard import Guard, Side
from golive.flags.models import Flag, FlagState
from golive.flags.published import FILE, Published
from golive.kit.folders import data_folder
from golive.people.models import AuditEntry, Project
from golive.telemetry.store import StoreError
from tests.rules.conftest import engine, insert  # noqa: F401 (a fixture)
from tests.telemetry.stores import StoreProcess

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def project() -> Iterator[Project]:
    with TestCase.captureOnCommitCallbacks(execute=True):
        yield Project.objects.create(slug="acme", name="acme")


def make(project: Project, **more: Any) -> FlagState:
    flag = switch.create(project, "checkout", "ada@acme.example", NOW)
    return switch.change(switch.state_of(flag), "ada@acme.example", NOW, **more) if more else switch.state_of(flag)


def test_a_change_is_one_version_one_audit_entry_and_one_mark(project: Project) -> None:
    state = switch.on(make(project, serve="on:10", targets=["plan is pro -> on"]), "ada@acme.example", NOW)
    assert (state.on, state.version) == (True, 3)
    mark = Change.objects.filter(project=project, kind="flag").latest("id")
    assert mark.title == "Flag checkout on (plan is pro gets on; everybody else 10 % on)"
    assert mark.link == "/p/acme/flags/checkout/"
    told = AuditEntry.objects.filter(action="flag.change").latest("id")
    assert (told.actor, told.details["after"]["on"], told.details["before"]["on"]) == ("ada@acme.example", True, False)
    killed = switch.kill(state, "ada@acme.example", NOW, "it broke")
    assert (killed.killed, killed.killed_why) == (True, "it broke")
    assert switch.on(killed, "ada@acme.example", NOW).killed is False


def test_two_who_change_at_once(project: Project) -> None:
    one = make(project)
    other = switch.state_of(one.flag)
    switch.on(one, "ada", NOW)
    with pytest.raises(switch.Changed, match="meanwhile"):
        switch.kill(other, "bob", NOW)
    assert switch.state_of(one.flag).on


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"serve": "blue"}, "no variant"),
        ({"targets": ["plan like pro -> on"]}, "no condition"),
        ({"guard": {"errors": 3}}, "errors"),
        ({"guard": {"errrors": "3%"}}, "errrors"),
        ({"on_at": NOW, "off_at": NOW}, "end before it begins"),
    ],
)
def test_a_change_that_does_not_fit_changes_nothing(project: Project, given: dict[str, Any], words: str) -> None:
    state = make(project)
    with pytest.raises(switch.FlagError, match=words):
        switch.change(state, "ada", NOW, **given)
    assert switch.state_of(state.flag).version == 1


@pytest.mark.parametrize("variants", [{"on": True}, {"on": True, "off": 0}, {"on": "a", "off": 1}, {"a b": 1, "b": 2}])
def test_variants_that_do_not_fit(project: Project, variants: dict[str, Any]) -> None:
    with pytest.raises(switch.FlagError):
        switch.create(project, "f", "ada", NOW, variants=variants)


def test_what_is_published_is_what_is_evaluated(project: Project, django_capture_on_commit_callbacks: Any) -> None:
    published = Published(data_folder() / "run" / FILE)
    with django_capture_on_commit_callbacks(execute=True):
        state = make(project, serve="on:10", targets=["plan is pro -> on"], off_at=NOW + timedelta(days=1))
        state = switch.on(state, "ada", NOW)
        _, value = keys.create(project, "web", "production", "ada")
    place = published.find(value)
    assert place is not None
    assert published.snapshot().of(place)["checkout"] == state.evaluated()
    before = published.snapshot().digest(place, NOW)
    assert published.snapshot().digest(place, NOW + timedelta(days=2)) != before  # its schedule is a change too
    with django_capture_on_commit_callbacks(execute=True):
        keys.revoke(project.flag_keys.get(), "ada", NOW)
    assert published.find(value) is None
    assert value not in orjson.dumps(list(AuditEntry.objects.values("details"))).decode()


def spans(variant: str, many: int, failures: int, at: datetime, *, event: bool, duration_ms: int = 50) -> None:
    told = {"feature_flag.key": "checkout", "feature_flag.result.variant": variant}
    rows = [
        {
            "project": "acme",
            "environment": "production",
            "synthetic": False,
            "received_at": at,
            "time": at,
            "duration_ns": duration_ms * 1_000_000,
            "service": "web",
            "name": "GET /",
            "kind": "server",
            "status": "error" if number < failures else "unset",
            "http_status": 500 if number < failures else 200,
            "attributes": {} if event else told,
            "events": [{"time": at, "name": "feature_flag.evaluation", "attributes": told}] if event else [],
        }
        for number in range(many)
    ]
    insert("spans", rows)


@pytest.mark.parametrize("event", [False, True])
def test_a_guarded_rollout_switches_itself_off(
    engine: StoreProcess,  # noqa: F811
    event: bool,
) -> None:
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2 + event)
    project = Project.objects.create(slug="acme", name="acme")
    flag = switch.create(project, "checkout", "ada", now)
    switch.change(switch.state_of(flag), "ada", now, serve="on:50", guard={"errors": "2%", "window": "2m"})
    switch.on(switch.state_of(flag), "ada", now)
    for second in range(10, 60, 10):
        spans("on", 20, 1, now + timedelta(seconds=second), event=event)
        spans("off", 20, 1, now + timedelta(seconds=second), event=event)
        assert watch.watch(now + timedelta(seconds=second)) == 0
    assert "of requests fail with it" in switch.state_of(flag).guard_reason
    off_after = next(second for second in range(70, 200, 10) if _bad(now + timedelta(seconds=second), event))
    assert off_after <= 120
    state = switch.state_of(flag)
    assert state.killed
    assert "its guard switched it off" in state.killed_why
    fired = Flip.objects.get(source="flag:checkout")
    assert (fired.new, fired.environment) == (State.FIRING, "production")
    assert Change.objects.latest("id").actor == "golive"
    watch.calm(state.changed_at + timedelta(seconds=10))
    assert Flip.objects.count() == 1 + (not _left(state))
    watch.calm(state.changed_at + timedelta(seconds=130))
    assert Flip.objects.latest("id").new == State.OK
    assert watch.watch(state.changed_at + timedelta(seconds=140)) == 0


def _bad(at: datetime, event: bool) -> int:
    spans("on", 20, 8, at, event=event)
    spans("off", 20, 0, at, event=event)
    return watch.watch(at)


def _left(state: FlagState) -> int:
    found = watch.sides(state, Guard(), state.changed_at + timedelta(seconds=10))
    return sum(side.requests for name, side in found.items() if name != "off")


def test_a_flag_switched_on_again_is_well_and_one_changed_meanwhile_is_left_alone(project: Project) -> None:
    switch.on(make(project, guard={"errors": "1%"}), "ada", NOW)

    def harm(*given: object) -> dict[str, Side]:
        return {"on": Side(1000, 100, 50), "off": Side(1000, 0, 50)}

    assert watch.watch(NOW + timedelta(seconds=10), harm) == 0
    assert watch.watch(NOW + timedelta(seconds=20), harm) == 1
    state = FlagState.objects.select_related("flag__project").get()
    switch.on(state, "ada", NOW + timedelta(seconds=30))
    assert watch.trip(state, watch.decide(harm(), "off", Guard(), NOW, NOW + timedelta(hours=1)), NOW) is False
    watch.calm(NOW + timedelta(seconds=40), harm)
    assert [flip.new for flip in Flip.objects.order_by("id")] == [State.FIRING, State.OK]
    assert "switched on again by ada" in Flip.objects.latest("id").reason


def test_a_store_that_is_away_switches_nothing_off(project: Project) -> None:
    switch.on(make(project, guard={"errors": "1%"}), "ada", NOW)

    def away(*given: object) -> dict[str, Side]:
        raise StoreError("away")

    assert watch.watch(NOW, away) == 0
    assert Flag.objects.get().states.get().on

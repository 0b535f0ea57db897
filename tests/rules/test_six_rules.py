"""Each of the six rules fires within its two minutes and recovers, on rows in a real store."""

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from golive.alerts.models import Flip, Heartbeat, Severity, State
from golive.rules import disk
from golive.rules.configure import ensure, override
from golive.rules.evaluate import EVERY, evaluate, evaluate_all
from golive.rules.models import Rule, RuleState
from golive.rules.settings import RuleKind
from tests.rules.conftest import World, insert
from tests.telemetry.stores import StoreProcess

pytestmark = pytest.mark.django_db
TWO_MINUTES = timedelta(minutes=2)


def tick(world: World, arrives: Callable[[], None] | None = None) -> None:
    """Ten seconds pass: something arrives, the rules are evaluated; again after a flip, as a second pager would."""
    world.now += EVERY
    if arrives:
        arrives()
    before = Flip.objects.count()
    evaluate(world.project, world.now)
    if Flip.objects.count() > before:
        evaluate(world.project, world.now)


def until(world: World, kind: RuleKind, new: State, arrives: Callable[[], None], most: timedelta) -> timedelta:
    """Let time pass until the rule has flipped to `new`; how long it took."""
    began = world.now
    while world.now - began <= most:
        tick(world, arrives)
        if flips(world, kind) and flips(world, kind)[-1].new == new:
            return world.now - began
    raise AssertionError([(f.new, f.reason) for f in flips(world, kind)] + list(states(world, kind)))


def flips(world: World, kind: RuleKind) -> list[Flip]:
    return list(Flip.objects.filter(project=world.project, source=f"rule:{kind}").order_by("id"))


def states(world: World, kind: RuleKind) -> Iterator[str]:
    for row in RuleState.objects.filter(rule__project=world.project, rule__kind=kind):
        yield f"{row.key}: {row.state} {row.reason}"


def only(world: World, kind: RuleKind) -> None:
    """Switch the other rules off: each evaluation then asks the store once."""
    for rule in ensure(world.project):
        if rule.kind != kind:
            rule.settings = {**rule.settings, "enabled": False}
            rule.save()


def configure(world: World, kind: RuleKind, **values: object) -> None:
    only(world, kind)
    rule = next(rule for rule in ensure(world.project) if rule.kind == kind)
    rule.settings = {**rule.settings, **values}
    rule.save()


def fires_once_and_recovers(world: World, kind: RuleKind, severity: Severity) -> Flip:
    """One flip to firing and one back, though every evaluation ran twice."""
    told = [(flip.old, flip.new) for flip in flips(world, kind) if flip.severity != Severity.INFO]
    assert (State.OK, State.FIRING) in told
    assert told.count((State.OK, State.FIRING)) + told.count((State.UNKNOWN, State.FIRING)) == 1
    fired = next(flip for flip in flips(world, kind) if flip.new == State.FIRING)
    assert flips(world, kind)[-1].new == State.OK
    assert fired.severity == severity
    assert fired.evidence["link"].startswith(f"/p/{world.project.slug}/")
    return fired


def test_error_rate(world: World) -> None:
    only(world, RuleKind.ERROR_RATE)
    for _ in range(12):
        tick(world, lambda: world.spans(20))
    took = until(world, RuleKind.ERROR_RATE, State.FIRING, lambda: world.spans(20, failures=2), TWO_MINUTES)
    assert took <= TWO_MINUTES
    for _ in range(12):
        tick(world, lambda: world.spans(20, failures=2))
    until(world, RuleKind.ERROR_RATE, State.OK, lambda: world.spans(20), timedelta(minutes=4))
    first = next(flip for flip in flips(world, RuleKind.ERROR_RATE) if flip.new == State.FIRING)
    assert first.severity == Severity.WARNING  # it passes 1 % before it passes 5 %
    critical = [flip for flip in flips(world, RuleKind.ERROR_RATE) if flip.severity == Severity.CRITICAL]
    assert (critical[0].old, critical[0].new) == (State.FIRING, State.FIRING)
    assert critical[0].evidence["routes"] == [{"route": "/", "failures": critical[0].evidence["failures"]}]
    assert critical[0].service == "web"


def test_an_outage_of_everything_is_critical_at_once(world: World) -> None:
    only(world, RuleKind.ERROR_RATE)
    for _ in range(12):
        tick(world, lambda: world.spans(30))
    took = until(world, RuleKind.ERROR_RATE, State.FIRING, lambda: world.spans(30, failures=30), TWO_MINUTES)
    assert took <= timedelta(seconds=30)
    assert flips(world, RuleKind.ERROR_RATE)[-1].severity == Severity.CRITICAL


def test_synthetic_failures_and_few_requests_do_not_fire(world: World) -> None:
    def arrives() -> None:
        world.spans(20)
        world.spans(20, failures=20, synthetic=True)

    only(world, RuleKind.ERROR_RATE)
    for _ in range(12):
        tick(world, arrives)
    assert flips(world, RuleKind.ERROR_RATE) == []
    quiet = World(world.project, world.now + timedelta(minutes=10))
    tick(quiet, lambda: quiet.spans(3, failures=1))
    tick(quiet)
    assert not [flip for flip in flips(quiet, RuleKind.ERROR_RATE) if flip.new == State.FIRING]


def test_p95(world: World) -> None:
    only(world, RuleKind.P95)
    for _ in range(12):
        tick(world, lambda: world.spans(20))
    took = until(world, RuleKind.P95, State.FIRING, lambda: world.spans(20, slow=4), TWO_MINUTES)
    assert took <= TWO_MINUTES
    until(world, RuleKind.P95, State.OK, lambda: world.spans(20), timedelta(minutes=4))
    fired = fires_once_and_recovers(world, RuleKind.P95, Severity.CRITICAL)
    assert fired.evidence["value"] > 2000
    assert "p95 of web is" in fired.reason


def test_one_slow_route_warns(world: World) -> None:
    only(world, RuleKind.P95)

    def arrives() -> None:
        world.spans(60)
        world.spans(6, slow=2, route="/reports")  # 3 % of all requests

    for _ in range(12):
        tick(world, arrives)
    assert flips(world, RuleKind.P95)[-1].severity == Severity.WARNING
    assert "/reports" in flips(world, RuleKind.P95)[-1].reason


@pytest.mark.parametrize("newer", [False, True])
def test_connection_pool(world: World, newer: bool) -> None:
    only(world, RuleKind.POOL)
    for _ in range(3):
        tick(world, lambda: world.pool(3, newer=newer))
    took = until(world, RuleKind.POOL, State.FIRING, lambda: world.pool(9, newer=newer), TWO_MINUTES)
    assert took <= TWO_MINUTES
    until(world, RuleKind.POOL, State.OK, lambda: world.pool(2, newer=newer), TWO_MINUTES)
    fired = fires_once_and_recovers(world, RuleKind.POOL, Severity.WARNING)
    assert fired.reason == "9 of 10 connections of web main are in use (90 %; threshold 80 %)"


def test_disk(world: World, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a tmpfs needs root")
    try:
        configure(world, RuleKind.DISK, paths=[str(small)])

        def arrives() -> None:
            rows = disk.sample([str(small)], world.project.slug, "host1", world.now)
            insert("metrics", [{**row, "received_at": world.now} for row in rows])

        tick(world, arrives)
        (small / "fill").write_bytes(b"x" * 3_800_000)
        took = until(world, RuleKind.DISK, State.FIRING, arrives, TWO_MINUTES)
        assert took <= TWO_MINUTES
        (small / "fill").unlink()
        until(world, RuleKind.DISK, State.OK, arrives, TWO_MINUTES)
        fired = fires_once_and_recovers(world, RuleKind.DISK, Severity.WARNING)
        assert fired.key == f"host1:{small}"[:200]
    finally:
        subprocess.run(["umount", str(small)], check=True)
        shutil.rmtree(small)


def test_webhook_failures(world: World) -> None:
    configure(world, RuleKind.WEBHOOK_FAILURES, route="/webhooks/payments")
    hook = "/webhooks/payments"
    for _ in range(3):
        tick(world, lambda: world.spans(2, route=hook))

    def refused() -> None:
        world.spans(1, failures=1, route=hook, status=422)

    took = until(world, RuleKind.WEBHOOK_FAILURES, State.FIRING, refused, TWO_MINUTES)
    assert took <= TWO_MINUTES
    until(world, RuleKind.WEBHOOK_FAILURES, State.OK, lambda: world.spans(1, route=hook), timedelta(minutes=6))
    fired = fires_once_and_recovers(world, RuleKind.WEBHOOK_FAILURES, Severity.WARNING)
    assert fired.evidence["statuses"] == ["422"]


def test_signups(world: World) -> None:
    configure(world, RuleKind.SIGNUPS, window="60s")
    tick(world)
    assert flips(world, RuleKind.SIGNUPS) == []  # nothing has ever arrived: unknown, no alarm
    assert "no business event" in next(states(world, RuleKind.SIGNUPS))
    tick(world, lambda: world.event("user.signed_up"))
    for _ in range(3):
        tick(world, lambda: world.event("report.viewed"))
    assert flips(world, RuleKind.SIGNUPS) == []
    took = until(
        world, RuleKind.SIGNUPS, State.FIRING, lambda: world.event("user.signed_up", synthetic=True), TWO_MINUTES
    )
    assert took <= TWO_MINUTES
    until(world, RuleKind.SIGNUPS, State.OK, lambda: world.event("user.signed_up"), TWO_MINUTES)
    fires_once_and_recovers(world, RuleKind.SIGNUPS, Severity.WARNING)


def test_a_rule_switched_off_or_overridden(world: World) -> None:
    only(world, RuleKind.ERROR_RATE)
    for _ in range(12):
        tick(world, lambda: world.spans(20, failures=2))
    assert flips(world, RuleKind.ERROR_RATE)[-1].new == State.FIRING
    rule = Rule.objects.get(project=world.project, kind=RuleKind.ERROR_RATE)
    override(rule, {"critical": "50%", "warning": "40%"}, "ada@shop.example", world.now)
    until(world, RuleKind.ERROR_RATE, State.OK, lambda: world.spans(20, failures=2), timedelta(minutes=3))
    override(rule, {}, "ada@shop.example", world.now)
    until(world, RuleKind.ERROR_RATE, State.FIRING, lambda: world.spans(20, failures=2), timedelta(minutes=3))
    rule.settings = {**rule.settings, "enabled": False}
    rule.save()
    tick(world)
    assert flips(world, RuleKind.ERROR_RATE)[-1].new == State.UNKNOWN
    assert not rule.states.exists()


def test_a_store_that_is_gone_makes_rules_unknown_after_a_grace_and_comes_back(
    world: World, engine: StoreProcess
) -> None:
    for _ in range(3):
        tick(world, lambda: world.spans(20))
    assert RuleState.objects.get(rule__project=world.project, rule__kind=RuleKind.ERROR_RATE).state == State.OK
    engine.stop(signal.SIGKILL)
    try:
        tick(world)
        assert flips(world, RuleKind.ERROR_RATE) == []
        for _ in range(6):
            tick(world)
        assert flips(world, RuleKind.ERROR_RATE)[-1].new == State.UNKNOWN
        evaluate_all(world.now)
        assert "store" in Heartbeat.objects.get(name="rules").details["trouble"]
    finally:
        engine.start()
    tick(world, lambda: world.spans(20))
    tick(world, lambda: world.spans(20))
    assert flips(world, RuleKind.ERROR_RATE)[-1].new == State.OK
    evaluate_all(world.now)
    assert Heartbeat.objects.get(name="rules").details["trouble"] == ""

"""Declared rules on rows in a real store: they fire within two minutes, recover, and a back-test tells the same."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from golive.alerts.models import Flip, Severity, State
from golive.oncall.models import OnCall
from golive.rules import backtest, burn, custom, past
from golive.rules.configure import ensure
from golive.rules.evaluate import EVERY, evaluate
from golive.rules.expression import parse
from golive.rules.models import Origin, Rule, RuleState
from golive.rules.series import StoreSource, Ticks
from golive.rules.settings import Burn, RuleKind, kept_form
from tests.rules.conftest import World, insert

pytestmark = pytest.mark.django_db
TWO_MINUTES = timedelta(minutes=2)


def logs(world: World, many: int, level: int = 17, service: str = "web", **attributes: str) -> None:
    row = world._row() | {
        "service": service,
        "severity_number": level,
        "body": "payment failed",
        "attributes": attributes,
    }
    insert("logs", [row] * many)


def gauge(world: World, value: float, queue: str = "mail") -> None:
    insert(
        "metrics",
        [world._row() | {"service": "web", "name": "queue.depth", "value": value, "attributes": {"queue": queue}}],
    )


def paid(world: World, amount: int, many: int = 1) -> None:
    row = world._row() | {"service": "web", "name": "payment.succeeded", "amount_minor": amount, "currency": "EUR"}
    insert("events", [row] * many)


def spread(world: World, seconds: int, *, failures: bool = False) -> None:
    """Two requests a second up to now, in one insert."""
    about = {
        "duration_ns": 50_000_000,
        "service": "web",
        "name": "GET /",
        "kind": "server",
        "status": "error" if failures else "unset",
        "http_route": "/",
        "http_status": 500 if failures else 200,
    }
    world.now += timedelta(seconds=seconds)
    insert("spans_arriving", [world._row(back_seconds=n / 2) | about for n in range(seconds * 2)])


def declare(world: World, name: str = "mine", **settings: Any) -> Rule:
    """The only rule that is on."""
    for rule in ensure(world.project):
        rule.settings = {**rule.settings, "enabled": False}
        rule.save()
    if settings.get("kind") == "burn":
        kept = kept_form(Burn.model_validate(settings))
        return Rule.objects.create(
            project=world.project, name=name, kind=RuleKind.BURN, settings=kept, origin=Origin.CONSOLE
        )
    return custom.create(world.project, name, settings, "ada")


def until(world: World, new: State, arrives: Callable[[], None], most: timedelta = TWO_MINUTES) -> timedelta:
    """Let time pass in evaluations until the newest flip says so; how long it took."""
    began = world.now
    while world.now - began < most:
        world.now += EVERY
        arrives()
        evaluate(world.project, world.now)
        newest = Flip.objects.filter(project=world.project).order_by("id").last()
        if newest and newest.new == new:
            return world.now - began
    states = RuleState.objects.filter(rule__project=world.project).values_list("key", "state", "reason")
    raise AssertionError(f"no flip to {new} in {most}: {list(states)}")


def last(world: World) -> Flip:
    found = Flip.objects.filter(project=world.project).order_by("id").last()
    assert found is not None
    return found


def ten_seconds_apart(world: World, arrives: Callable[[], None], times: int) -> None:
    for _ in range(times):
        world.now += EVERY
        arrives()


def test_a_threshold_over_logs_by_service(world: World) -> None:
    declare(world, query="count(logs{level:>=error payment}) by service", critical=20, title="Payments fail")
    ten_seconds_apart(world, lambda: logs(world, 1, level=9), 3)
    evaluate(world.project, world.now)
    assert RuleState.objects.get(key="web").state == State.OK  # it logs, and no error: known to be well
    took = until(world, State.FIRING, lambda: logs(world, 5))
    assert took <= TWO_MINUTES
    fired = last(world)
    assert (fired.source, fired.key, fired.service, fired.severity) == ("rule:mine", "web", "web", Severity.CRITICAL)
    assert fired.title == "Payments fail: web"
    assert fired.evidence["labels"] == {"service": "web"}
    until(world, State.OK, lambda: logs(world, 1, level=9), timedelta(minutes=8))
    assert not Flip.objects.filter(project=world.project, new=State.UNKNOWN).exists()


def test_a_threshold_over_a_gauge_holds_for_as_long_as_it_says(world: World) -> None:
    declare(world, **{"query": "max(metric queue.depth) by queue", "warning": 100, "for": "1m", "window": "1m"})
    world.now += EVERY
    gauge(world, 500)
    evaluate(world.project, world.now)
    ten_seconds_apart(world, lambda: gauge(world, 1), 10)
    evaluate(world.project, world.now)
    assert not Flip.objects.filter(project=world.project, new=State.FIRING).exists()
    took = until(world, State.FIRING, lambda: gauge(world, 500), timedelta(minutes=3))
    assert timedelta(seconds=60) <= took <= TWO_MINUTES
    assert last(world).key == "mail"


def test_a_ratio_of_requests(world: World) -> None:
    rule = declare(world, query="count(requests{status:>=500}) / count(requests)", critical="10%")
    assert RuleKind(rule.kind) == RuleKind.THRESHOLD
    ten_seconds_apart(world, lambda: world.spans(20), 6)
    assert until(world, State.FIRING, lambda: world.spans(20, failures=20)) <= TWO_MINUTES
    assert last(world).reason.startswith("mine is ")
    assert "% in 5m; threshold 10 %" in last(world).reason


def test_counters_grow_even_over_a_restart(world: World) -> None:
    def counter(value: float, instance: str) -> None:
        row = world._row() | {"service": "web", "name": "jobs.failed", "type": "sum", "monotonic": True, "value": value}
        insert("metrics", [row | {"resource": {"service.instance.id": instance}}])

    for first, second in ((10, 100), (14, 100), (2, 103)):  # the first process restarted
        world.now += EVERY
        counter(first, "a")
        counter(second, "b")
    source, ticks = StoreSource(world.project.slug), Ticks.at(world.now)
    found = source.values(parse("increase(metric jobs.failed)"), timedelta(minutes=1), ticks)
    assert found[()] == [7.0]
    per_second = source.values(parse("rate(metric jobs.failed)"), timedelta(minutes=1), ticks)
    assert per_second[()][0] == pytest.approx(7 / 60)


def test_what_used_to_arrive_is_missed_by_service(world: World) -> None:
    declare(world, kind="absence", query="count(logs) by service", window="1m", severity="critical")
    evaluate(world.project, world.now)
    assert not RuleState.objects.filter(rule__name="mine").exists()

    def both() -> None:
        logs(world, 1, service="web")
        logs(world, 1, service="worker")

    ten_seconds_apart(world, both, 3)
    evaluate(world.project, world.now)
    took = until(world, State.FIRING, lambda: logs(world, 1, service="web"))
    assert took <= TWO_MINUTES
    assert (last(world).key, last(world).reason) == ("worker", "nothing of worker has arrived in 1m")
    until(world, State.OK, both)


def test_revenue_drops_against_an_earlier_time(world: World) -> None:
    declare(
        world,
        kind="change",
        query="sum(event payment.succeeded{currency:EUR})",
        window="1m",
        against="10m",
        critical="50%",
    )
    for _ in range(22):
        world.now += 3 * EVERY
        paid(world, 3000)
    evaluate(world.project, world.now)
    assert RuleState.objects.get(rule__name="mine").state == State.OK
    took = until(world, State.FIRING, lambda: paid(world, 10))
    assert took <= TWO_MINUTES
    assert "less than 10m earlier" in last(world).reason


def test_traffic_unlike_the_same_hour_of_past_weeks(world: World) -> None:
    declare(world, kind="anomaly", query="count(requests)", window="1m", critical=6)
    now = world.now
    for week in (1, 2, 3):
        world.now = now - timedelta(weeks=week) - timedelta(minutes=3)
        spread(world, 500)
    world.now = now
    spread(world, 60)
    evaluate(world.project, world.now)
    state = RuleState.objects.get(rule__name="mine")
    assert state.state == State.OK, state.reason
    took = until(world, State.FIRING, lambda: world.spans(1))
    assert took <= TWO_MINUTES
    assert "at this hour it is usually 120" in last(world).reason


def test_an_error_budget_burns(world: World) -> None:
    rule = declare(world, name="slo-web", kind="burn", objective="99.9%", service="web", title="web budget")
    for _ in range(10):
        world.now += timedelta(minutes=1)
        world.spans(60)
    evaluate(world.project, world.now)
    assert RuleState.objects.get(rule=rule).state == State.OK
    took = until(world, State.FIRING, lambda: world.spans(30, failures=30))
    assert took <= TWO_MINUTES
    assert last(world).severity == Severity.CRITICAL
    settings = rule.in_force()
    assert isinstance(settings, Burn)
    counted = burn.count(world.project.slug, settings, world.now - timedelta(hours=1), world.now + EVERY)
    assert sum(each.bad for each in counted) == 30 * took / EVERY
    slow = settings.model_copy(update={"latency": timedelta(milliseconds=10)})
    assert all(each.bad == each.total for each in burn.count(world.project.slug, slow, world.now - EVERY, world.now))


def test_a_back_test_tells_when_whom_and_how_long(world: World) -> None:
    OnCall.objects.create(project=world.project, people=["ada@shop.example", "bob@shop.example"])
    spread(world, 180)
    broke = world.now
    spread(world, 120, failures=True)
    mended = world.now
    spread(world, 600)
    for name in ("error_rate", "mine"):
        rule = next((rule for rule in ensure(world.project) if rule.name == name), None) or declare(
            world, query="count(requests{error:true}) / count(requests)", critical="10%", window="1m"
        )
        result = backtest.run(
            world.project, RuleKind(rule.kind), rule.in_force(), broke - timedelta(minutes=3), world.now
        )
        (told,) = [one for one in result.told if one.firing.severity == Severity.CRITICAL]
        assert timedelta(0) <= told.firing.at - broke <= TWO_MINUTES
        assert told.firing.until is not None
        assert mended < told.firing.until <= mended + timedelta(minutes=8)
        assert list(told.people) == ["ada@shop.example"]
        assert "it would have fired 1 time (1 page)" in result.sentence()
        assert result.known
    assert not RuleState.objects.filter(rule__project=world.project).exists()  # nothing was saved
    assert not Flip.objects.filter(project=world.project).exists()


def test_a_back_test_reads_what_the_rule_would_have(world: World) -> None:
    """At the same instant the past and the present say the same, for every rule that reads the store."""
    for _ in range(4):
        world.now += 3 * EVERY
        world.spans(80, failures=4, slow=8)
        world.spans(2, failures=1, route="/webhooks/payments", status=422)
        world.pool(9)
        world.event("user.signed_up")
        logs(world, 2)
        gauge(world, 5)
    asked: list[tuple[RuleKind, Any]] = []
    for rule in ensure(world.project):
        settings = rule.in_force()
        if rule.kind == RuleKind.WEBHOOK_FAILURES:
            settings = settings.model_copy(update={"route": "/webhooks/payments"})
        if rule.kind == RuleKind.SIGNUPS:
            settings = settings.model_copy(update={"event": "user.signed_up"})
        asked.append((RuleKind(rule.kind), settings))
    for told in (
        {"query": "count(logs{level:error}) by service", "warning": 1},
        {"query": "p95(requests)", "warning": "1s"},
        {"kind": "absence", "query": "count(logs) by service"},
    ):
        asked.append(custom.read(told))
    ticks = Ticks(world.now.timestamp() - 100, 10, 11)
    for kind, settings in asked:
        steps = past.readings(world.project.slug, settings, ticks)
        now = past.readings(world.project.slug, settings, Ticks.at(world.now))[0]
        assert sorted(steps[-1], key=lambda one: one.key) == sorted(now, key=lambda one: one.key), kind
        assert kind == RuleKind.DISK or any(reading.known for reading in now), kind


def test_without_data_a_back_test_proves_nothing(world: World) -> None:
    kind, settings = custom.read({"query": "count(logs)", "critical": 1})
    result = backtest.run(world.project, kind, settings, world.now - timedelta(days=7), world.now)
    assert "proves nothing" in result.sentence()
    with pytest.raises(past.NotRecorded):
        backtest.run(world.project, kind, settings, world.now - timedelta(days=70), world.now)

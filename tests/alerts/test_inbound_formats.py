"""What other tools send, in the shapes they really send it, and what is refused of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from golive.alerts.inbound.event import EventError
from golive.alerts.inbound.formats import decoder, names
from golive.alerts.inbound.rate import Rate
from golive.alerts.models import IntegrationKind, Severity

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

# As Prometheus 2.42 posts it to /api/v2/alerts.
PROMETHEUS = {
    "annotations": {"summary": "demo is down", "description": "demo of job web has been down for 1 minute"},
    "endsAt": "2026-11-23T12:04:00.000Z",
    "startsAt": "2026-11-23T11:59:00.000Z",
    "generatorURL": "http://prometheus:9090/graph?g0.expr=up+%3D%3D+0",
    "labels": {"alertname": "Down", "instance": "demo:80", "job": "web", "severity": "critical"},
}
PAGERDUTY = {
    "routing_key": "0" * 32,
    "event_action": "trigger",
    "dedup_key": "db-1/disk",
    "client": "Nagios",
    "client_url": "https://nagios.example",
    "payload": {
        "summary": "Disk full on db-1",
        "source": "db-1",
        "severity": "error",
        "component": "postgres",
        "timestamp": "2026-11-23T11:58:00.000+0000",
        "custom_details": {"free": "0"},
    },
}


def test_each_kind_of_integration_has_its_format() -> None:
    assert set(names()) == set(IntegrationKind.values)


def test_prometheus() -> None:
    (event,) = decoder("alertmanager")([PROMETHEUS], NOW).events
    assert (event.title, event.firing, event.severity, event.service) == (
        "demo is down",
        True,
        Severity.CRITICAL,
        "web",
    )
    assert event.expires_at == NOW + timedelta(minutes=4)
    assert event.began_at == NOW - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("changed", "firing", "expires"),
    [
        ({"endsAt": "2026-11-23T11:59:59Z"}, False, None),
        ({"endsAt": None}, True, NOW + timedelta(minutes=5)),
        ({"endsAt": "0001-01-01T00:00:00Z"}, True, NOW + timedelta(minutes=5)),
    ],
)
def test_an_alert_ends_by_its_end_or_after_five_minutes(
    changed: dict[str, Any], firing: bool, expires: datetime | None
) -> None:
    (event,) = decoder("alertmanager")([PROMETHEUS | changed], NOW).events
    assert (event.firing, event.expires_at) == (firing, expires)


def test_alerts_are_the_same_when_their_labels_are() -> None:
    labels = dict(reversed(PROMETHEUS["labels"].items()))  # type: ignore[attr-defined]
    alerts = [PROMETHEUS, PROMETHEUS | {"labels": labels, "annotations": {}}, PROMETHEUS | {"labels": {"a": "b"}}]
    first, second, third = decoder("alertmanager")(alerts, NOW).events
    assert first.key == second.key != third.key


def test_the_webhook_of_an_alertmanager_is_sent_once_and_does_not_expire() -> None:
    alert = PROMETHEUS | {"status": "firing", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "c5f4d6c1b2a39e10"}
    body = {"version": "4", "status": "firing", "receiver": "golive", "groupKey": "{}:{}", "alerts": [alert]}
    (event,) = decoder("alertmanager")(body, NOW).events
    assert (event.firing, event.expires_at) == (True, None)
    body["alerts"] = [alert | {"status": "resolved", "endsAt": "2026-11-23T11:59:59Z"}]
    assert not decoder("alertmanager")(body, NOW).events[0].firing


def test_one_bad_alert_does_not_cost_the_others() -> None:
    decoded = decoder("alertmanager")([{"labels": {}}, PROMETHEUS, {"labels": {"a": 1}}], NOW)
    assert len(decoded.events) == 1
    assert [refused[:7] for refused in decoded.refused] == ["alert 0", "alert 2"]


def test_pagerduty() -> None:
    decoded = decoder("pagerduty")(PAGERDUTY, NOW)
    (event,) = decoded.events
    assert (event.key, event.severity, event.service) == ("db-1/disk", Severity.CRITICAL, "postgres")
    assert event.facts["free"] == "0"
    assert decoded.answer == {"status": "success", "message": "Event processed", "dedup_key": "db-1/disk"}
    ended = decoder("pagerduty")({"event_action": "resolve", "dedup_key": "db-1/disk"}, NOW).events[0]
    assert (ended.key, ended.firing) == (event.key, False)
    assert decoder("pagerduty")({"event_action": "acknowledge", "dedup_key": "x"}, NOW).events == []


def test_pagerduty_gives_a_dedup_key_where_there_is_none() -> None:
    answers = [decoder("pagerduty")(PAGERDUTY | {"dedup_key": ""}, NOW) for _ in range(2)]
    assert len({decoded.events[0].key for decoded in answers}) == 2
    assert answers[0].answer is not None
    assert answers[0].answer["dedup_key"] == answers[0].events[0].key


@pytest.mark.parametrize(
    ("sent", "fires", "severity", "key"),
    [
        ({"title": "Backup failed"}, True, Severity.CRITICAL, "Backup failed"),
        ({"title": "Slow", "severity": "warning", "dedup_key": "a"}, True, Severity.WARNING, "a"),
        ({"title": "Slow", "status": "resolved", "dedup_key": "a"}, False, Severity.CRITICAL, "a"),
        ({"status": "ok", "dedup_key": "a"}, False, Severity.CRITICAL, "a"),
    ],
)
def test_webhook(sent: dict[str, str], fires: bool, severity: Severity, key: str) -> None:
    (event,) = decoder("webhook")(sent, NOW).events
    assert (event.firing, event.severity, event.key) == (fires, severity, key)


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("alertmanager", {}, "expected a list of alerts"),
        ("alertmanager", "x", "expected a list of alerts"),
        ("alertmanager", [PROMETHEUS] * 1001, "at most 1000"),
        ("pagerduty", [], "expected an object"),
        ("pagerduty", {"event_action": "explode"}, "event_action must be"),
        ("pagerduty", {"event_action": "resolve"}, "dedup_key is missing"),
        ("pagerduty", {"event_action": "trigger"}, "payload is missing"),
        ("pagerduty", PAGERDUTY | {"payload": {"summary": "a", "source": "b", "severity": "loud"}}, "payload.severity"),
        ("pagerduty", PAGERDUTY | {"dedup_key": "x" * 256}, "more than 255"),
        ("webhook", [], "expected a JSON object"),
        ("webhook", {}, "title is missing"),
        ("webhook", {"title": 1}, "title must be a string"),
        ("webhook", {"title": "a", "status": "maybe"}, "status must be"),
        ("webhook", {"title": "a", "severity": "loud"}, "severity must be"),
        ("webhook", {"title": "a", "at": "yesterday"}, "at must be a time"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_field(kind: str, body: Any, says: str) -> None:
    with pytest.raises(EventError, match=says):
        decoder(kind)(body, NOW)


def test_a_long_key_becomes_its_digest() -> None:
    assert len(decoder("webhook")({"title": "x", "dedup_key": "k" * 1000}, NOW).events[0].key) == 64


def test_an_integration_may_send_a_burst_and_then_waits() -> None:
    rate = Rate(per_second=2, burst=3)
    assert [rate.wait_seconds(1, 0.0) for _ in range(4)] == [0, 0, 0, 1]
    assert rate.wait_seconds(2, 0.0) == 0
    assert rate.wait_seconds(1, 0.5) == 0

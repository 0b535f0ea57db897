"""Sentry's protocol: ways to authenticate, envelopes good and bad, limits."""

import gzip
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import brotli
import pytest

from golive.ingest.sentry_envelope import EnvelopeError, parse
from golive.ingest.sentry_otlp import log_records

from .conftest import DSN_KEY, KEY, Plant

AUTH = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client=test/1, sentry_key={DSN_KEY}"}


def event(**fields: Any) -> dict[str, Any]:
    return {"event_id": secrets.token_hex(16), "timestamp": time.time(), "message": "it broke", **fields}


def envelope(*items: tuple[str, Any], headers: dict[str, Any] | None = None, lengths: bool = True) -> bytes:
    lines = [json.dumps(headers or {}).encode()]
    for kind, content in items:
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        lines += [json.dumps({"type": kind, **({"length": len(payload)} if lengths else {})}).encode(), payload]
    return b"\n".join(lines)


def found(plant: Plant, event_id: str) -> dict[str, Any]:
    return plant.ask_until(f"SELECT * FROM errors WHERE event_id = '{event_id}'", bool)[0]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/7/envelope/", AUTH),
        ("/api/7/envelope", {"Authorization": f"Sentry sentry_key={DSN_KEY}"}),
        (f"/api/7/envelope/?sentry_key={DSN_KEY}&sentry_version=7", {"Content-Type": "text/plain;charset=UTF-8"}),
        ("/api/7/envelope/", {}),
    ],
    ids=["header", "authorization", "query", "dsn"],
)
def test_every_way_to_authenticate(plant: Plant, path: str, headers: dict[str, str]) -> None:
    sent = event()
    dsn = f"http://{DSN_KEY}@localhost/7"
    body = envelope(("event", sent), headers={"event_id": sent["event_id"], "dsn": dsn})
    answer = plant.request("POST", path, body, **headers)
    assert (answer.status, answer.json()) == (200, {"id": sent["event_id"]})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert found(plant, sent["event_id"])["message"] == "it broke"


@pytest.mark.parametrize(
    ("why", "path", "headers", "body", "status"),
    [
        ("no key", "/api/7/envelope/", {}, envelope(), 401),
        ("unknown key", "/api/7/envelope/", {"X-Sentry-Auth": "Sentry sentry_key=abc"}, envelope(), 401),
        ("an ingest key", "/api/7/envelope/", {"X-Sentry-Auth": f"Sentry sentry_key={KEY}"}, envelope(), 401),
        ("no key to store", "/api/7/store/", {}, b"{}", 401),
        ("other project", "/api/8/envelope/", AUTH, envelope(), 403),
        ("other path", "/api/7/minidump/", AUTH, b"", 404),
        ("not an envelope", "/api/7/envelope/", AUTH, b"hello", 400),
        ("empty", "/api/7/envelope/", AUTH, b"", 400),
        ("list", "/api/7/envelope/", AUTH, b"[]\n", 400),
        ("event is no JSON", "/api/7/envelope/", AUTH, envelope(("event", b"{")), 400),
        ("event is a list", "/api/7/store/", AUTH, b"[]", 400),
        ("event too large", "/api/7/envelope/", AUTH, envelope(("event", event(message="x" * (1 << 20)))), 413),
    ],
)
def test_refusals(plant: Plant, why: str, path: str, headers: dict[str, str], body: bytes, status: int) -> None:
    answer = plant.request("POST", path, body, **headers)
    assert answer.status == status, why
    assert answer.json()["detail"]
    assert answer.headers["x-sentry-error"]


def test_store_and_preflight(plant: Plant) -> None:
    sent = event(message={"formatted": "hello", "message": "hello"}, tags=[["service", "worker"]])
    answer = plant.request("POST", "/api/7/store/", json.dumps(sent).encode(), **AUTH)
    assert answer.json() == {"id": sent["event_id"]}
    row = found(plant, sent["event_id"])
    assert (row["service"], row["message"]) == ("worker", "hello")
    preflight = plant.request("OPTIONS", "/api/7/envelope/", None, Origin="https://x")
    assert (preflight.status, "x-sentry-auth" in preflight.headers["access-control-allow-headers"]) == (204, True)


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("br", brotli.compress), ("UTF-8", bytes), ("", bytes)]
)
def test_content_encodings(plant: Plant, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    sent = event()
    body = pack(envelope(("event", sent), lengths=False))
    assert plant.request("POST", "/api/7/envelope/", body, Content_Encoding=encoding, **AUTH).status == 200
    assert found(plant, sent["event_id"])


def test_items_that_we_do_not_know_are_skipped_and_bad_ones_refused_alone(plant: Plant) -> None:
    sent = event()
    body = envelope(
        ("session", {"sid": "x"}),
        ("check_in", {}),
        ("attachment", b"\x00\x01\n\xff"),
        ("client_report", {}),
        ("event", b"{broken"),
        ("future_type", {}),
        ("event", sent),
    )
    answer = plant.request("POST", "/api/7/envelope/", body, **AUTH)
    assert answer.status == 200
    assert "not JSON" in answer.headers["x-sentry-error"]
    assert found(plant, sent["event_id"])
    only_skipped = plant.request("POST", "/api/7/envelope/", envelope(("session", {})), **AUTH)
    assert only_skipped.status == 200


def test_a_torn_envelope_keeps_its_whole_items(plant: Plant) -> None:
    first, second = event(), event()
    body = envelope(("event", first), ("event", second))[:-10]
    assert plant.request("POST", "/api/7/envelope/", body, **AUTH).status == 200
    assert found(plant, first["event_id"])
    assert plant.ask(f"SELECT count() AS n FROM errors WHERE event_id = '{second['event_id']}'") == [{"n": 0}]


def test_secrets_do_not_reach_the_disk(plant: Plant) -> None:
    canary = secrets.token_hex(12)
    sent = event(
        request={"headers": {"Authorization": f"Bearer {canary}"}, "cookies": {"session": canary}},
        extra={"password": canary, "query": f"?token={canary}"},
    )
    assert plant.request("POST", "/api/7/envelope/", envelope(("event", sent)), **AUTH).status == 200
    assert canary not in json.dumps(found(plant, sent["event_id"]))
    assert not [path for path in (plant.data / "spool").rglob("*.segment") if canary.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    "odd",
    [
        {"tags": "x", "user": [], "contexts": 5, "exception": "no", "sdk": None},
        {"exception": {"values": [None, 3, {"type": None, "stacktrace": {"frames": [1, {"function": {}}]}}]}},
        {"timestamp": "never", "fingerprint": {"a": 1}, "level": {}, "event_id": "short"},
        {"timestamp": 1e300, "tags": [[1, 2], ["a"], "b"], "message": {"message": None}},
    ],
)
def test_any_shape_of_event_is_kept(plant: Plant, odd: dict[str, Any]) -> None:
    answer = plant.request("POST", "/api/7/store/", json.dumps({**event(), **odd}).encode(), **AUTH)
    assert answer.status == 200
    assert found(plant, answer.json()["id"])


def test_a_resent_event_counts_once(plant: Plant) -> None:
    sent = event()
    for sent_at in ("2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"):
        body = envelope(("event", sent), headers={"sent_at": sent_at})
        assert plant.request("POST", "/api/7/envelope/", body, **AUTH).status == 200
    other = event()
    assert plant.request("POST", "/api/7/envelope/", envelope(("event", other)), **AUTH).status == 200
    assert found(plant, other["event_id"])
    assert plant.ask(f"SELECT count() AS n FROM errors WHERE event_id = '{sent['event_id']}'") == [{"n": 1}]


def test_envelopes_without_lengths_and_trailing_lines() -> None:
    whole = parse(b'{}\n{"type":"event"}\n{"a":1}\n\n{"type":"x","length":0}\n\n')
    assert [(item.type, item.payload) for item in whole.items] == [("event", b'{"a":1}'), ("x", b"")]
    with pytest.raises(EnvelopeError, match="first line"):
        parse(b"\xff\n")


def test_a_public_key_makes_no_business_events() -> None:
    item = {"body": "paid", "attributes": {"event.name": {"value": "payment.succeeded", "type": "string"}}}
    record = log_records([item], "acme").resource_logs[0].scope_logs[0].log_records[0]
    assert record.event_name == ""
    assert [attribute.key for attribute in record.attributes] == ["sentry.event.name"]

"""Flags over OFREP: OpenFeature's own client, bulk evaluation with ETag, and changes as events."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import uvicorn
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from examples.demo.install import free_ports
from golive.flags.ofrep import Ofrep
from golive.flags.published import Published
from golive.people.tokens import digest

KEY = "glf_a-key-for-tests"
STATE = {"on": True, "killed": False, "targets": [], "on_at": None, "off_at": None, "version": 1}


def flag(key: str, variants: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    return {
        "project": "acme",
        "key": key,
        "variants": variants,
        "off": "off",
        "states": {"production": {**STATE, **state}},
    }


FLAGS = [
    flag("checkout", {"on": True, "off": False}, {"split": {"on": 100}}),
    flag(
        "theme",
        {"blue": "#00f", "off": "#000"},
        {"split": {"off": 100}, "targets": ["plan is pro and country in DE,AT -> blue"]},
    ),
    flag("limit", {"high": 100, "off": 10}, {"split": {"high": 50}}),
    flag("ratio", {"half": 0.5, "off": 0.0}, {"split": {"half": 100}}),
    flag("menu", {"new": {"items": ["a"]}, "off": {}}, {"split": {"new": 100}}),
    flag("broken", {"on": True, "off": False}, {"split": {"on": 100}, "killed": True}),
]


@dataclass
class Served:
    """The ASGI application on a port, and the file it reads."""

    url: str
    path: Path

    def write(self, flags: list[dict[str, Any]]) -> None:
        place = {digest(KEY): ["acme", "production"], digest("glf_staging"): ["acme", "staging"]}
        draft = self.path.with_suffix(".new")
        draft.write_bytes(orjson.dumps({"keys": place, "flags": flags}))
        draft.replace(self.path)

    def post(self, path: str = "", body: object = None, key: str = KEY, **headers: str) -> httpx.Response:
        return httpx.post(
            f"{self.url}/ofrep/v1/evaluate/flags{path}",
            content=body if isinstance(body, bytes) else orjson.dumps({"context": body or {}}),
            headers={"Authorization": f"Bearer {key}", **headers},
        )


async def nothing(scope: object, receive: object, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    (port,) = free_ports(1)
    url, path = f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("flags") / "flags.json"
    app = Ofrep(nothing, Published(path), "a key for tickets", url)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    found = Served(url, path)
    found.write(FLAGS)
    while not server.started:
        time.sleep(0.01)
    yield found
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def client(served: Served) -> Iterator[OpenFeatureClient]:
    served.write(FLAGS)
    provider = OFREPProvider(served.url, headers_factory=lambda: {"Authorization": f"Bearer {KEY}"})
    api.set_provider(provider)
    yield api.get_client()
    api.clear_providers()


def test_openfeatures_own_client_gets_values_of_every_type(client: OpenFeatureClient) -> None:
    pro = EvaluationContext("user-1", {"plan": "pro", "country": "AT"})
    found = client.get_boolean_details("checkout", False)
    assert (found.value, found.variant, found.reason) == (True, "on", Reason.STATIC)
    assert found.flag_metadata["version"] == 1
    told = client.get_string_details("theme", "#fff", pro)
    assert (told.value, told.reason) == ("#00f", Reason.TARGETING_MATCH)
    assert client.get_string_value("theme", "#fff", EvaluationContext("user-1", {"plan": "free"})) == "#000"
    many = [client.get_integer_details("limit", 1, EvaluationContext(f"user-{n}")) for n in range(40)]
    assert {each.value for each in many} == {10, 100}
    assert {each.reason for each in many} == {Reason.SPLIT}
    assert client.get_float_value("ratio", 0.1) == 0.5
    assert client.get_object_value("menu", {}) == {"items": ["a"]}
    assert client.get_boolean_details("broken", True).reason == Reason.DISABLED
    assert client.get_boolean_value("broken", True) is False


def test_openfeatures_own_client_falls_back_to_the_default(client: OpenFeatureClient) -> None:
    assert client.get_boolean_details("nowhere", True).error_code == ErrorCode.FLAG_NOT_FOUND
    assert client.get_boolean_value("nowhere", True) is True
    missing = client.get_integer_details("limit", 7)
    assert (missing.value, missing.error_code) == (7, ErrorCode.TARGETING_KEY_MISSING)
    assert client.get_string_details("checkout", "x").error_code == ErrorCode.TYPE_MISMATCH


def test_a_change_is_seen_by_the_next_question(client: OpenFeatureClient, served: Served) -> None:
    assert client.get_boolean_value("checkout", False) is True
    served.write([flag("checkout", {"on": True, "off": False}, {"split": {"on": 100}, "killed": True, "version": 2})])
    assert client.get_boolean_value("checkout", True) is False


def test_all_flags_with_etag(served: Served) -> None:
    served.write(FLAGS)
    first = served.post(body={"targetingKey": "user-1"})
    assert first.status_code == 200
    told = first.json()
    assert [each["key"] for each in told["flags"]] == ["checkout", "theme", "limit", "ratio", "menu", "broken"]
    tag = first.headers["etag"]
    again = served.post(body={"targetingKey": "user-1"}, **{"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = served.post(body={"targetingKey": "user-1", "plan": "pro", "country": "DE"}, **{"If-None-Match": tag})
    assert other.status_code == 200  # the same flags say something else to somebody else
    alone = served.post(body={})
    assert {each["key"]: each.get("errorCode") for each in alone.json()["flags"]}["limit"] == "TARGETING_KEY_MISSING"


def test_a_key_sees_its_own_environment_only(served: Served) -> None:
    served.write(FLAGS)
    told = served.post("/checkout", key="glf_staging").json()
    assert (told["value"], told["reason"]) == (False, "DISABLED")
    assert served.post(key="glf_staging").json()["metadata"]["environment"] == "staging"


@pytest.mark.parametrize(
    ("path", "body", "key", "status", "code"),
    [
        ("/checkout", {}, "glf_wrong", 401, "GENERAL"),
        ("", {}, "-", 401, "GENERAL"),
        ("/nowhere", {}, KEY, 404, "FLAG_NOT_FOUND"),
        ("/checkout", b"{", KEY, 400, "PARSE_ERROR"),
        ("/checkout", b'{"context": 1}', KEY, 400, "INVALID_CONTEXT"),
        ("/limit", {}, KEY, 400, "TARGETING_KEY_MISSING"),
        ("/checkout", b" " * 70_000, KEY, 413, "INVALID_CONTEXT"),
    ],
)
def test_refusals_in_the_protocols_words(
    served: Served, path: str, body: object, key: str, status: int, code: str
) -> None:
    served.write(FLAGS)
    found = served.post(path, body, key)
    assert (found.status_code, found.json()["errorCode"]) == (status, code)
    assert found.json()["errorDetails"]


def test_other_methods_keys_and_paths(served: Served) -> None:
    assert httpx.get(f"{served.url}/ofrep/v1/evaluate/flags").status_code == 405
    assert httpx.post(f"{served.url}/ofrep/v2/evaluate/flags").status_code == 404
    assert httpx.get(f"{served.url}/else").status_code == 418
    told = httpx.post(f"{served.url}/ofrep/v1/evaluate/flags/checkout", headers={"X-API-Key": KEY})
    assert told.json()["value"] is True
    asked = httpx.options(f"{served.url}/ofrep/v1/evaluate/flags")
    assert "if-none-match" in asked.headers["access-control-allow-headers"]


def test_an_unreadable_file_leaves_the_flags_in_force(served: Served) -> None:
    served.write(FLAGS)
    assert served.post("/checkout").json()["value"] is True
    served.path.write_bytes(b"half a docum")
    assert served.post("/checkout").json()["value"] is True
    served.write(FLAGS)


def test_changes_arrive_as_events(served: Served) -> None:
    served.write(FLAGS)
    stream = served.post(body={"targetingKey": "u"}).json()["eventStreams"][0]
    assert stream["type"] == "sse"
    assert KEY not in stream["url"]
    with httpx.stream("GET", stream["url"], timeout=30) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = answer.iter_lines()
        assert next(lines).startswith("retry:")
        served.write([flag("checkout", {"on": True, "off": False}, {"split": {"on": 10}, "version": 2})])
        event = dict(line.split(": ", 1) for line in _event(lines))
    said = json.loads(event["data"])
    assert said["type"] == "refetchEvaluation"
    assert said["etag"] == f'"{event["id"]}"'
    assert event["id"] == served.post(body={"targetingKey": "u"}).json()["metadata"]["version"]
    back = httpx.stream("GET", stream["url"], headers={"Last-Event-ID": "an older one"}, timeout=30)
    with back as answer:  # what was missed is told at once
        assert any(line.startswith("id: ") for line in _event(answer.iter_lines()))


def test_the_stream_ends_with_its_key_and_asks_for_a_ticket(served: Served) -> None:
    served.write(FLAGS)
    url = served.post(body={"targetingKey": "u"}).json()["eventStreams"][0]["url"]
    for wrong in ("", "ticket=x", url.split("?")[1] + "0"):
        assert httpx.get(f"{served.url}/ofrep/v1/events?{wrong}").status_code == 401
    with httpx.stream("GET", url, timeout=30) as answer:
        lines = answer.iter_lines()
        next(lines)
        served.path.write_bytes(orjson.dumps({"keys": {}, "flags": []}))
        assert list(lines)[-1] == ""
    assert httpx.get(url).status_code == 401
    served.write(FLAGS)


def _event(lines: Iterator[str]) -> list[str]:
    """The lines of the next event."""
    found: list[str] = []
    for line in lines:
        if line.startswith(("id:", "event:", "data:")):
            found.append(line)
        elif not line and found:
            return found
    raise AssertionError("the stream ended without an event")

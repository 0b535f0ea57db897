"""OTLP over HTTP, exactly: encodings, replies, refusals, half-valid and hostile requests."""

import gzip
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import psutil
import pytest
from backports import zstd
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from golive.ingest.keep import framed
from golive.telemetry.proto import message_class
from golive.telemetry.spool import Frame

from .conftest import DSN_KEY, KEY, SOURCE, Plant
from .requests import logs, metrics, text, traces

PROTOBUF, JSON = "application/x-protobuf", "application/json"


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


ENCODINGS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("identity", bytes),
    ("gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("zstd", zstd.compress),
    ("br", brotli.compress),
    ("", bytes),
    ("GZIP", lambda body: gzip.compress(body[:20]) + gzip.compress(body[20:])),
]


@pytest.mark.parametrize(("encoding", "pack"), ENCODINGS)
def test_every_content_encoding(plant: Plant, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    service = secrets.token_hex(8)
    answer = plant.otlp("/v1/logs", pack(logs(service, ["x"]).SerializeToString()), Content_Encoding=encoding)
    assert (answer.status, answer.headers["content-type"] if answer.body else "") == (200, "")
    assert plant.ask_until(f"SELECT count() AS n FROM logs WHERE service = '{service}'", lambda rows: rows[0]["n"] > 0)


REFUSALS: list[tuple[str, str, str, bytes, dict[str, str], int]] = [
    ("no key", "POST", "/v1/logs", b"", {"Authorization": ""}, 401),
    ("unknown key", "POST", "/v1/logs", b"", {"Authorization": "Bearer gli_unknown"}, 401),
    ("a DSN's key", "POST", "/v1/logs", b"", {"Authorization": f"Bearer {DSN_KEY}"}, 401),
    ("not a bearer", "POST", "/v1/logs", b"", {"Authorization": f"Basic {KEY}"}, 401),
    ("GET", "GET", "/v1/logs", b"", {}, 405),
    ("PUT", "PUT", "/v1/traces", b"", {}, 405),
    ("other path", "POST", "/v1/profiles", b"", {}, 404),
    ("path above", "POST", "/v1/../v1/logs", b"", {}, 404),
    ("no content type", "POST", "/v1/logs", b"", {"Content-Type": "text/plain"}, 415),
    ("encoding", "POST", "/v1/logs", b"", {"Content-Encoding": "compress"}, 415),
    ("garbage", "POST", "/v1/logs", b"\xff\xff\xff", {}, 400),
    ("cut off", "POST", "/v1/logs", logs("s", ["abcdef"]).SerializeToString()[:-1], {}, 400),
    ("spans to logs", "POST", "/v1/logs", b"\x0a\x05hello", {}, 400),
    ("text that is no UTF-8", "POST", "/v1/logs", b"\x0a\x0a\x12\x08\x12\x06\x1a\x04\xff\xfe\xfd\xfc", {}, 400),
    ("bad gzip", "POST", "/v1/logs", b"not gzip", {"Content-Encoding": "gzip"}, 400),
    ("cut gzip", "POST", "/v1/logs", gzip.compress(bytes(100))[:-9], {"Content-Encoding": "gzip"}, 400),
    ("cut zstd", "POST", "/v1/logs", zstd.compress(bytes(100))[:-3], {"Content-Encoding": "zstd"}, 400),
    ("cut brotli", "POST", "/v1/logs", brotli.compress(os.urandom(100))[:-3], {"Content-Encoding": "br"}, 400),
    ("bad JSON", "POST", "/v1/logs", b"{", {"Content-Type": JSON}, 400),
    ("JSON list", "POST", "/v1/logs", b"[]", {"Content-Type": JSON}, 400),
    ("JSON shape", "POST", "/v1/logs", b'{"resourceLogs": {}}', {"Content-Type": JSON}, 400),
    ("gzip bomb", "POST", "/v1/logs", gzip.compress(bytes(300 << 20)), {"Content-Encoding": "gzip"}, 413),
    ("zstd bomb", "POST", "/v1/logs", zstd.compress(bytes(300 << 20)), {"Content-Encoding": "zstd"}, 413),
    ("brotli bomb", "POST", "/v1/logs", brotli.compress(bytes(60 << 20), quality=2), {"Content-Encoding": "br"}, 413),
]


@pytest.mark.parametrize(
    ("why", "method", "path", "body", "headers", "status"), REFUSALS, ids=[refusal[0] for refusal in REFUSALS]
)
def test_refusals(
    plant: Plant, why: str, method: str, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    named = {"Authorization": f"Bearer {KEY}", "Content-Type": PROTOBUF, **headers}
    answer = plant.request(method, path, body if method != "GET" else None, **named)
    assert answer.status == status, why
    if answer.headers["content-type"] == PROTOBUF:
        told = Status.FromString(answer.body)
        code, message = told.code, told.message
    else:
        code, message = answer.json()["code"], answer.json()["message"]
    assert code > 0
    assert len(message) > 10
    assert psutil.Process(plant.running["ingest"].pid).memory_info().rss < 300e6


def test_what_is_too_large_is_refused_before_it_is_read(plant: Plant) -> None:
    answer = plant.otlp("/v1/logs", bytes((20 << 20) + 1))
    assert answer.status == 413
    assert b"20 MiB" in answer.body


def test_the_process_stays_small() -> None:
    listing = "import sys, golive.ingest.__main__; print([m for m in ('django', 'numpy', 'chdb') if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    assert subprocess.check_output([sys.executable, "-c", listing], env=environment).strip() == b"[]"


def test_an_empty_request_is_fine(plant: Plant) -> None:
    assert ExportLogsServiceResponse.FromString(plant.otlp("/v1/logs", b"").body) == ExportLogsServiceResponse()
    assert plant.otlp("/v1/traces", b"{}", JSON).json() == {"partialSuccess": {}}


def test_browsers_may_send(plant: Plant) -> None:
    answer = plant.request("OPTIONS", "/v1/traces", None, Origin="https://acme.example")
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "authorization" in answer.headers["access-control-allow-headers"]


def test_the_good_half_is_kept(plant: Plant) -> None:
    service = secrets.token_hex(8)
    request = logs(service, ["good", "bad trace", "bad span", "good too"])
    records = request.resource_logs[0].scope_logs[0].log_records
    records[1].trace_id = b"short"
    records[2].span_id = b"far too long"
    reply = ExportLogsServiceResponse.FromString(plant.otlp("/v1/logs", request.SerializeToString()).body)
    assert reply.partial_success.rejected_log_records == 2
    assert "trace_id has 5 bytes" in reply.partial_success.error_message
    sql = f"SELECT attributes['id'] AS id FROM logs WHERE service = '{service}' ORDER BY id"
    assert plant.ask_until(sql, bool) == [{"id": "good"}, {"id": "good too"}]


def test_bad_spans_and_metrics_are_counted(plant: Plant) -> None:
    spans: ExportTraceServiceRequest = traces("half", ["a", "b", "c", "d"])
    for number, trace_id in enumerate([b"", bytes(16), b"x" * 15]):
        spans.resource_spans[0].scope_spans[0].spans[number].trace_id = trace_id
    answer = plant.otlp("/v1/traces", spans.SerializeToString())
    assert ExportTraceServiceResponse.FromString(answer.body).partial_success.rejected_spans == 3
    nameless = metrics("half", ["a", "b"])
    nameless.resource_metrics[0].scope_metrics[0].metrics[0].name = ""
    answer = plant.otlp("/v1/metrics", nameless.SerializeToString())
    assert ExportMetricsServiceResponse.FromString(answer.body).partial_success.rejected_data_points == 2


def test_json_is_as_good_as_protobuf(plant: Plant) -> None:
    service = secrets.token_hex(8)
    record = {
        "timeUnixNano": str(time.time_ns()),
        "severityNumber": "SEVERITY_NUMBER_WARN2",
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "eee19b7ec3c1b174",
        "body": {"stringValue": "hi"},
        "unknownField": {"x": [1]},
        "attributes": [
            {"key": "whole", "value": {"intValue": "-9223372036854775808"}},
            {"key": "number", "value": {"intValue": 7}},
            {"key": "half", "value": {"doubleValue": 0.5}},
            {"key": "off", "value": {"boolValue": False}},
            {"key": "nothing", "value": {}},
            {"key": "bytes", "value": {"bytesValue": "aGk="}},
            {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "a"}]}}},
            {
                "key": "object",
                "value": {"kvlistValue": {"values": [{"key": "deep", "value": {"arrayValue": {"values": []}}}]}},
            },
        ],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    bad = [{"traceId": "zz"}, {"timeUnixNano": "soon"}, {"severityNumber": True}, "text"]
    request = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record, *bad]}]}]}
    answer = plant.otlp("/v1/logs", json.dumps(request).encode(), "application/json; charset=utf-8")
    assert answer.json()["partialSuccess"]["rejectedLogRecords"] == "4"
    [row] = plant.ask_until(f"SELECT * FROM logs WHERE service = '{service}'", bool)
    assert (row["severity_number"], row["severity_text"]) == (14, "WARN")
    assert (row["trace_id"], row["span_id"]) == ("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174")
    assert row["attributes"] == {
        "whole": "-9223372036854775808",
        "number": "7",
        "half": "0.5",
        "off": "false",
        "nothing": "",
        "bytes": "aGk=",
        "list": '[1,"a"]',
        "object": '{"deep":[]}',
    }


def test_absurd_times_give_way_and_are_kept(plant: Plant) -> None:
    service, now = secrets.token_hex(8), time.time_ns()
    request = logs(service, ["future", "past", "none", "observed", "end of time"])
    records = request.resource_logs[0].scope_logs[0].log_records
    records[0].time_unix_nano = now + 3600 * 10**9
    records[1].time_unix_nano = 1
    records[2].time_unix_nano = 0
    records[3].time_unix_nano = 0
    records[3].observed_time_unix_nano = now - 60 * 10**9
    records[4].time_unix_nano = 2**64 - 1
    assert plant.otlp("/v1/logs", request.SerializeToString()).status == 200
    sql = (
        "SELECT attributes['id'] AS id, attributes['golive.original_time'] AS original, "
        f"abs(dateDiff('second', time, received_at)) AS off FROM logs WHERE service = '{service}'"
    )
    found = {row["id"]: row for row in plant.ask_until(sql, lambda rows: len(rows) == 5)}
    assert found["future"]["original"] == str(now + 3600 * 10**9)
    assert (found["past"]["original"], found["none"]["original"]) == ("1", "")
    assert found["end of time"]["original"] == str(2**64 - 1)
    assert {name: row["off"] < 5 for name, row in found.items()} == {
        "future": True,
        "past": True,
        "none": True,
        "observed": False,
        "end of time": True,
    }


def test_our_own_fields_cannot_be_forged(plant: Plant) -> None:
    service = secrets.token_hex(8)
    forged: Any = message_class("Logs").FromString(logs(service, ["x"]).SerializeToString())
    forged.golive_project, forged.golive_received_ms, forged.golive_marker = "other", 5, b""
    assert plant.otlp("/v1/logs", forged.SerializePartialToString()).status == 200
    sql = f"SELECT project, received_at > now() - 3600 AS fresh FROM logs WHERE service = '{service}'"
    assert plant.ask_until(sql, bool) == [{"project": "acme", "fresh": 1}]


def test_probes_and_declared_robots_are_synthetic(plant: Plant) -> None:
    service = secrets.token_hex(8)
    request = traces(service, ["probe", "robot", "person"])
    spans = request.resource_spans[0].scope_spans[0].spans
    marker = (plant.data / "keys" / "synthetic-marker").read_text()[:12]
    spans[0].trace_id = bytes.fromhex(marker) + os.urandom(10)
    spans[1].attributes.append(text("user_agent.synthetic.type", "bot"))
    assert plant.otlp("/v1/traces", request.SerializeToString()).status == 200
    sql = f"SELECT attributes['id'] AS id, synthetic FROM spans WHERE service = '{service}'"
    rows = plant.ask_until(sql, lambda rows: len(rows) == 3)
    assert {row["id"]: row["synthetic"] for row in rows} == {"probe": True, "robot": True, "person": False}


def test_bottomless_values_are_refused_or_cut(plant: Plant) -> None:
    request = ExportLogsServiceRequest()
    value = request.resource_logs.add().scope_logs.add().log_records.add().body
    for _ in range(20):
        value = value.array_value.values.add()
    value.string_value = "deep"
    assert plant.otlp("/v1/logs", request.SerializeToString()).status == 200
    bottomless = b"\x0a\x00"
    for _ in range(3000):
        bottomless = b"\x2a" + _varint(len(bottomless)) + bottomless
        bottomless = b"\x0a" + _varint(len(bottomless)) + bottomless
    assert plant.otlp("/v1/logs", bottomless).status in (200, 400)
    nested = '{"arrayValue":{"values":[' * 200 + '{"stringValue":"x"}' + "]}}" * 200
    body = f'{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{nested}}}]}}]}}]}}'.encode()
    assert plant.otlp("/v1/logs", body, JSON).json()["partialSuccess"]["rejectedLogRecords"] == "1"
    assert plant.request("GET", "/healthz").status == 200


def test_a_key_that_is_revoked_or_made_counts_at_once(plant: Plant) -> None:
    path = plant.data / "run" / "ingest-keys.json"
    before = path.read_bytes()
    try:
        path.write_text(json.dumps({"keys": {}}))
        assert plant.otlp("/v1/logs", b"").status == 401
    finally:
        path.write_bytes(before)
    assert plant.otlp("/v1/logs", b"").status == 200


def test_a_key_that_sends_too_much_is_told_when_to_go_on(own_plant: Callable[..., Plant]) -> None:
    plant = own_plant(GOLIVE_INGEST_RATE="0.001")
    plant.start("ingest")
    plant.wait_for_ingest()
    answers = [plant.otlp("/v1/logs", logs("rate", [str(n) * 3000]).SerializeToString()) for n in range(8)]
    assert answers[0].status == 200
    assert answers[-1].status == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_a_request_that_the_store_refuses_goes_to_quarantine_alone(own_plant: Callable[..., Plant]) -> None:
    plant = own_plant()
    folder = plant.data / "spool" / "ingest" / "logs"
    folder.mkdir(parents=True)
    now_ms = time.time_ns() // 1_000_000
    bodies = [logs("poisoned", [str(number)]).SerializeToString() for number in range(7)]
    bodies[3] = bodies[3][:-4]  # as if a receiver with a fault had let it through
    frames = [Frame(framed(body, "acme", now_ms, b""), bytes([n]) * 16, now_ms) for n, body in enumerate(bodies)]
    (folder / "logs-0001.segment").write_bytes(b"".join(frame.encode() for frame in frames))
    plant.start("store")
    plant.wait_for_store()
    plant.start("ingest")
    sql = "SELECT attributes['id'] AS id FROM logs ORDER BY id"
    rows = plant.ask_until(sql, lambda rows: len(rows) >= 6)
    assert [row["id"] for row in rows] == ["0", "1", "2", "4", "5", "6"]
    kept = sorted(path.suffix for path in (plant.data / "spool" / "quarantine").iterdir())
    assert kept == [".frame", ".json"]


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="needs to mount a small tmpfs")
def test_a_full_disk_is_never_a_lie(own_plant: Callable[..., Plant], tmp_path: Path) -> None:
    plant = own_plant()
    spool = plant.data / "spool"
    spool.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(spool)], check=False)
    if mounted.returncode:
        pytest.skip("may not mount a tmpfs here")
    try:
        plant.start("ingest")
        plant.wait_for_ingest()
        answers = [
            plant.otlp("/v1/logs", logs("full", [f"{n}-{i}" for i in range(200)]).SerializeToString())
            for n in range(30)
        ]
        accepted = sum(answer.status == 200 for answer in answers)
        assert {answer.status for answer in answers} == {200, 503}
        assert answers[-1].headers["retry-after"]
        plant.kill("ingest")
        plant.start("store")
        plant.wait_for_store()
        plant.start("ingest")
        sql = "SELECT count() AS n FROM logs"
        plant.ask_until(sql, lambda rows: rows[0]["n"] >= accepted * 200)
        assert plant.ask(sql) == [{"n": accepted * 200}]
    finally:
        plant.stop()
        subprocess.run(["umount", str(spool)], check=False)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])

"""Clients that keep sending while golive's processes are killed."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import clickhouse_connect
import httpx
import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from examples.demo.install import Install

RECORDS = 50


class Sender:
    """Posts requests of 50 log records; each is sent again, byte for byte, until it is acknowledged."""

    def __init__(self, golive: Install, key: str, service: str) -> None:
        self.golive, self.key, self.service = golive, key, service
        self.acknowledged = 0
        self.resent = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def body(self, number: int) -> bytes:
        request = ExportLogsServiceRequest()
        resource = request.resource_logs.add()
        attribute = resource.resource.attributes.add(key="service.name")
        attribute.value.string_value = self.service
        scope = resource.scope_logs.add()
        for index in range(RECORDS):
            record = scope.log_records.add(time_unix_nano=time.time_ns(), severity_number=9)
            record.body.string_value = f"{self.service} {number}-{index}"
        return request.SerializeToString()

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/x-protobuf"}
        with httpx.Client(base_url=self.golive.ingest_url, headers=headers, timeout=10, trust_env=False) as client:
            number = 0
            while not self.stop.is_set():
                number += 1
                self._send(client, self.body(number))
                time.sleep(0.02)

    def _send(self, client: httpx.Client, body: bytes) -> None:
        """A request that was begun is seen through, even when asked to stop: its fate must be known."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            with suppress(httpx.HTTPError):
                answer = client.post("/v1/logs", content=body)
                if answer.status_code == 200:
                    self.acknowledged += RECORDS
                    return
                assert answer.status_code == 503, answer.text
            self.resent += 1
            time.sleep(0.05)
        raise AssertionError("golive did not accept a request for two minutes")

    @contextmanager
    def sending(self) -> Iterator["Sender"]:
        self.thread.start()
        try:
            yield self
        finally:
            self.stop.set()
            self.thread.join(150)


def count(golive: Install, service: str) -> tuple[int, int]:
    """How many log records of a service the store has, and how many different ones."""
    place = orjson.loads((golive.data / "run" / "store.json").read_bytes())
    host, _, port = place["url"].partition("://")[2].partition(":")
    user, password = place["reader"]
    client = clickhouse_connect.get_client(
        host=host, port=int(port.rstrip("/")), username=user, password=password, database="golive"
    )
    try:
        found = client.query(
            "SELECT count(), uniqExact(body) FROM logs WHERE service = {service:String}",
            parameters={"service": service},
        )
        return int(found.first_row[0]), int(found.first_row[1])
    finally:
        client.close()


def settled(golive: Install, service: str, wanted: int, timeout_seconds: float = 60) -> tuple[int, int]:
    """The counts once they have reached `wanted` and stood still, or when time is up."""
    end = time.monotonic() + timeout_seconds
    look: Callable[[], tuple[int, int]] = lambda: count(golive, service)  # noqa: E731
    seen = (-1, -1)
    while time.monotonic() < end:
        with suppress(Exception):  # the store may be on its way back
            seen = look()
            if seen[0] >= wanted:
                time.sleep(2)
                return look()
        time.sleep(0.3)
    return seen

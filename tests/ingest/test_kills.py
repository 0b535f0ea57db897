"""kill -9 of ingest and store at random moments: every acknowledged record is there, and there once."""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import KEY, Plant
from .requests import logs, metrics, traces

KILLS = 8
RECORDS = 25
MAKERS: dict[str, Callable[[str, list[str]], Any]] = {
    "/v1/logs": lambda service, ids: logs(service, ids, event="task.created"),
    "/v1/traces": traces,
    "/v1/metrics": metrics,
}


class Sender(threading.Thread):
    """Sends one request after the other; repeats each, byte for byte, until it is acknowledged."""

    def __init__(self, plant: Plant, path: str, number: int) -> None:
        super().__init__(daemon=True)
        self.plant, self.path, self.number = plant, path, number
        self.acknowledged: list[str] = []
        self.repeats = 0
        self.finish = threading.Event()

    def run(self) -> None:
        serial = 0
        while not self.finish.is_set():
            ids = [f"{self.number}-{serial}-{index}" for index in range(RECORDS)]
            body = MAKERS[self.path]("killed", ids).SerializeToString()
            while not self._acknowledged(body):
                self.repeats += 1
                time.sleep(0.05)
            self.acknowledged += ids
            serial += 1

    def _acknowledged(self, body: bytes) -> bool:
        try:
            return self.plant.otlp(self.path, body).status == 200
        except OSError:
            return False


@pytest.mark.story
def test_no_acknowledged_record_is_lost_or_doubled(own_plant: Callable[..., Plant]) -> None:
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    chance = random.Random(seed)
    plant = own_plant()
    plant.start("store")
    plant.start("ingest")
    plant.wait_for_ingest()
    plant.wait_for_store()
    senders = [Sender(plant, path, number) for number, path in enumerate([*MAKERS, *MAKERS])]
    for sender in senders:
        sender.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.3, 2.5))
        for victim in chance.choice([["ingest"], ["store"], ["ingest", "store"]]):
            plant.kill(victim)
            plant.start(victim)
    plant.wait_for_ingest()
    time.sleep(1)
    for sender in senders:
        sender.finish.set()
    for sender in senders:
        sender.join(60)
        assert not sender.is_alive()
    plant.wait_for_store()

    def sent(path: str) -> set[str]:
        return {one for sender in senders if sender.path == path for one in sender.acknowledged}

    for path, tables in {"/v1/logs": ["logs", "events"], "/v1/traces": ["spans"], "/v1/metrics": ["metrics"]}.items():
        expected = sent(path)
        assert len(expected) > RECORDS
        for table in tables:
            sql = f"SELECT attributes['id'] AS id, count() AS times FROM {table} GROUP BY id"
            wanted = len(expected)
            plant.ask_until(sql, lambda rows, wanted=wanted: len(rows) >= wanted)
            found = {row["id"]: row["times"] for row in plant.ask(sql)}
            assert set(found) == expected, table
            assert set(found.values()) == {1}, table
    spans = len(sent("/v1/traces"))
    for table in ("requests_by_minute", "requests_received"):
        assert plant.ask(f"SELECT sum(requests) AS requests FROM {table}") == [{"requests": spans}], table
    assert plant.ask("SELECT uniqExact(trace_id) AS traces FROM trace_times") == [{"traces": spans}]
    assert sum(sender.repeats for sender in senders) > 0
    assert not list((plant.data / "spool").glob("quarantine/*"))


def test_a_resent_request_is_recognised_also_after_a_restart(own_plant: Callable[..., Plant]) -> None:
    plant = own_plant()
    plant.start("store")
    plant.start("ingest")
    plant.wait_for_ingest()
    plant.wait_for_store()
    body = logs("resent", ["a", "b"]).SerializeToString()
    count = "SELECT count() AS n FROM logs"
    assert plant.otlp("/v1/logs", body).status == 200
    assert plant.otlp("/v1/logs", body).status == 200
    plant.ask_until(count, lambda rows: rows[0]["n"] == 2)
    for _ in range(2):  # killed with the request loaded, and again at once
        plant.kill("ingest")
        plant.start("ingest")
        plant.wait_for_ingest()
        assert plant.otlp("/v1/logs", body).status == 200
    other = logs("resent", ["c"]).SerializeToString()
    assert plant.otlp("/v1/logs", other).status == 200
    plant.ask_until(count, lambda rows: rows[0]["n"] >= 3)
    assert plant.ask(count) == [{"n": 3}]


def test_a_full_spool_says_so_and_recovers(own_plant: Callable[..., Plant]) -> None:
    plant = own_plant(GOLIVE_SPOOL_BYTES="40000")
    plant.start("ingest")
    plant.wait_for_ingest()
    answers = [
        plant.otlp("/v1/logs", logs("full", [f"{n}-{i}" for i in range(50)]).SerializeToString()) for n in range(30)
    ]
    accepted = sum(answer.status == 200 for answer in answers)
    assert 0 < accepted < 30
    assert {answer.status for answer in answers} == {200, 503}
    assert answers[-1].headers["retry-after"] == "5"
    assert b"Nothing was kept" in answers[-1].body
    plant.start("store")
    plant.wait_for_store()
    plant.ask_until("SELECT count() AS n FROM logs", lambda rows: rows[0]["n"] == accepted * 50)
    assert plant.otlp("/v1/logs", logs("full", ["last"]).SerializeToString()).status == 200
    assert plant.request("POST", "/v1/logs", b"", Authorization=f"Bearer {KEY}").status == 415

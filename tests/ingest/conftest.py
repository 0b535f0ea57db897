"""A store and an ingest as real processes with a data folder of their own."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

KEY = "gli_test-key-of-acme"
DSN_KEY = "d" * 32
SOURCE = Path(__file__).parents[2] / "src"


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Plant:
    """The two processes; `ask` queries the store as the console would."""

    data: Path
    port: int
    environment: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, name: str) -> None:
        module = {"store": "golive.telemetry.server", "ingest": "golive.ingest"}[name]
        log = (self.data / f"{name}.log").open("ab")
        self.running[name] = subprocess.Popen(
            [sys.executable, "-m", module], env=self.environment, stdout=log, stderr=log, cwd=self.data
        )
        log.close()

    def kill(self, name: str, how: int = signal.SIGKILL) -> None:
        self.running[name].send_signal(how)
        self.running[name].wait(30)

    def stop(self) -> None:
        for process in self.running.values():
            if process.poll() is None:
                process.kill()
                process.wait()

    def wait_for_ingest(self) -> None:
        wait_until(lambda: self.request("GET", "/healthz").status == 200, "ingest answers")

    def wait_for_store(self) -> None:
        wait_until(lambda: self.ask("SELECT 1 AS one") == [{"one": 1}], "the store answers")

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, body, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return Answer(reply.status, reply.read(), {k.lower(): v for k, v in reply.headers.items()})
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(), {k.lower(): v for k, v in error.headers.items()})

    def otlp(self, path: str, body: bytes, content_type: str = "application/x-protobuf", **headers: str) -> Answer:
        wanted = {"Authorization": f"Bearer {KEY}", "Content_Type": content_type, **headers}
        return self.request("POST", path, body, **wanted)

    def ask(self, sql: str) -> list[dict[str, Any]]:
        place = orjson.loads((self.data / "run" / "store.json").read_bytes())
        request = urllib.request.Request(
            place["url"] + "/?database=golive",
            f"{sql} FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers=0".encode(),
            {"X-ClickHouse-User": place["reader"][0], "X-ClickHouse-Key": place["reader"][1]},
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            return [orjson.loads(line) for line in reply.read().splitlines()]

    def ask_until(self, sql: str, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The rows once they satisfy `enough`; what was acknowledged takes a moment to be loaded."""
        rows: list[dict[str, Any]] = []

        def asked() -> bool:
            nonlocal rows
            rows = self.ask(sql)
            return enough(rows)

        wait_until(asked, sql, lambda: f"last answer: {rows[:5]}")
        return rows


def wait_until(
    condition: Callable[[], bool], what: str, found: Callable[[], str] = lambda: "", seconds: float = 60.0
) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except (OSError, ValueError):
            pass
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s until {what}; {found()}")
        time.sleep(0.1)


def make_plant(data: Path, **environment: str) -> Plant:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    digests = {
        hashlib.sha256(KEY.encode()).hexdigest(): {"project": "acme", "project_id": 7, "kind": "ingest"},
        hashlib.sha256(DSN_KEY.encode()).hexdigest(): {"project": "acme", "project_id": 7, "kind": "dsn"},
    }
    (data / "run").mkdir(parents=True)
    (data / "run" / "ingest-keys.json").write_text(json.dumps({"keys": digests}))
    full = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GOLIVE_")},
        "GOLIVE_DATA": str(data),
        "GOLIVE_INGEST_PORT": str(port),
        "PYTHONPATH": str(SOURCE),
        **environment,
    }
    return Plant(data, port, full)


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """A store and an ingest for all tests that do not harm them."""
    made = make_plant(tmp_path_factory.mktemp("plant"))
    try:
        made.start("store")
        made.start("ingest")
        made.wait_for_ingest()
        made.wait_for_store()
        yield made
    finally:
        made.stop()


@pytest.fixture
def own_plant(tmp_path: Path) -> Iterator[Callable[..., Plant]]:
    """Makes plants that a test may kill; nothing is started yet."""
    made: list[Plant] = []

    def make(**environment: str) -> Plant:
        made.append(make_plant(tmp_path / f"plant{len(made)}", **environment))
        return made[-1]

    yield make
    for one in made:
        one.stop()

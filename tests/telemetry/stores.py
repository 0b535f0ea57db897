"""A real store process for tests: started in a folder of its own, stopped or killed for real."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from golive.telemetry import store


class StoreProcess:
    """`python -m golive.telemetry.server` over one data folder."""

    def __init__(self, data: Path, environment: Mapping[str, str] | None = None) -> None:
        self.data = data
        self._environment = {**os.environ, **(environment or {}), "GOLIVE_DATA": str(data)}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> "StoreProcess":
        ready = self.data / "run" / "store.json"
        before = ready.stat().st_mtime_ns if ready.exists() else 0
        log = (self.data / "store.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "golive.telemetry.server"], env=self._environment, stderr=log, stdout=log
        )
        log.close()
        end = time.monotonic() + 60
        while not (ready.exists() and ready.stat().st_mtime_ns != before):
            assert self._process.poll() is None, (self.data / "store.log").read_text()[-3000:]
            assert time.monotonic() < end, "the store did not become ready"
            time.sleep(0.05)
        return self

    def stop(self, how: int = signal.SIGTERM) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(how)
        return self._process.wait(30)


@contextmanager
def running_store(data: Path, environment: Mapping[str, str] | None = None) -> Iterator[StoreProcess]:
    """A running store that GOLIVE_DATA of this process points to; gone afterwards."""
    data.mkdir(parents=True, exist_ok=True)
    before = {name: os.environ.get(name) for name in ("GOLIVE_DATA", "GOLIVE_CLICKHOUSE_URL")}
    os.environ["GOLIVE_DATA"] = str(data)
    os.environ.pop("GOLIVE_CLICKHOUSE_URL", None)
    process = StoreProcess(data, environment)
    try:
        yield process.start()
    finally:
        process.stop(signal.SIGKILL)
        store._forget()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

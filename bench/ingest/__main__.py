"""`python -m bench.ingest [--repeat 3] [--requests 600] [--profile]`."""

import argparse
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from statistics import median

import orjson
import psutil
from rich.console import Console
from rich.table import Table

from bench.ingest.load import CONNECTIONS
from bench.ingest.sample import RECORDS, templates

KEY = "gli_bench"
TARGET = 0.60
MEMORY_TARGET_BYTES = 1_500_000_000
console = Console()


class Memory(threading.Thread):
    """The most memory that all processes held together (proportional set size), looked at four times a second."""

    def __init__(self, pids: list[int]) -> None:
        super().__init__(daemon=True)
        self.pids, self.peak, self.done = pids, 0, threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.25):
            self.peak = max(self.peak, sum(map(pss_bytes, self.pids)))


def pss_bytes(pid: int) -> int:
    found = re.search(r"(?m)^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text())
    return int(found[1]) * 1024 if found else 0


def cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def engine_limit(environment: dict[str, str], folder: str) -> dict[int, float]:
    """Records per CPU-second by batch size."""
    lines = subprocess.run(
        [sys.executable, "-m", "bench.ingest.engine", folder], env=environment, stdout=subprocess.PIPE, check=True
    ).stdout.splitlines()
    return {result["batch"]: result["rate"] for result in map(json.loads, lines)}


def whole_path(
    environment: dict[str, str], data: Path, port: int, repeat: int, requests: int
) -> tuple[list[float], int]:
    """Records per CPU-second of receiver, loader and store together, one for each run, and the peak memory."""
    modules = {"store": "golive.telemetry.server", "ingest": "golive.ingest"}
    processes = {
        name: subprocess.Popen([sys.executable, "-m", module], env=environment, stderr=(data / f"{name}.log").open("w"))
        for name, module in modules.items()
    }
    pids = [process.pid for process in processes.values()]
    memory = Memory(pids)
    try:
        wait_for(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").status == 200)
        wait_for(lambda: stored(data) == 0)
        send(environment, port, 0, 20)  # to warm up
        wait_for(lambda: stored(data) == 20 * RECORDS)
        memory.start()
        rates, first = [], 20
        for _ in range(repeat):
            cpu, began = [cpu_seconds(pid) for pid in pids], time.monotonic()
            send(environment, port, first, requests)
            acknowledged = time.monotonic() - began
            first += requests
            wait_for(lambda total=first * RECORDS: stored(data) == total)
            used = [cpu_seconds(pid) - before for pid, before in zip(pids, cpu, strict=True)]
            rates.append(requests * RECORDS / sum(used))
            console.print(
                f"run: {requests * RECORDS:,} records acknowledged in {acknowledged:.1f} s, stored in "
                f"{time.monotonic() - began:.1f} s; store {used[0]:.2f} CPU-s, ingest {used[1]:.2f} CPU-s"
            )
        return rates, memory.peak
    finally:
        memory.done.set()
        for process in processes.values():
            process.terminate()
            process.wait(30)


def send(environment: dict[str, str], port: int, first: int, count: int) -> None:
    command = [sys.executable, "-m", "bench.ingest.load", str(port), KEY, str(first), str(count)]
    subprocess.run(command, env=environment, check=True)


def stored(data: Path) -> int:
    place = orjson.loads((data / "run" / "store.json").read_bytes())
    request = urllib.request.Request(
        place["url"] + "/?database=golive",
        b"SELECT sum(rows) FROM system.parts WHERE active AND database = 'golive' AND table = 'logs'",
        {"X-ClickHouse-User": place["writer"][0], "X-ClickHouse-Key": place["writer"][1]},
    )
    with urllib.request.urlopen(request) as reply:
        return int(reply.read())


def wait_for(condition: "object", seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():  # type: ignore[operator]
                return
        except OSError:
            pass
        if time.monotonic() > end:
            raise TimeoutError("the processes did not get there in time; see their logs")
        time.sleep(0.25)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--requests", type=int, default=600)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="golive-bench-") as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        data = Path(folder) / "data"
        (data / "run").mkdir(parents=True)
        entry = {"project": "acme", "project_id": 1, "kind": "ingest"}
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        (data / "run" / "ingest-keys.json").write_text(json.dumps({"keys": {digest: entry}}))
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GOLIVE_")},
            "GOLIVE_DATA": str(data),
            "GOLIVE_INGEST_PORT": str(port),
            "GOLIVE_INGEST_RATE": "10000",
            "PYTHONPATH": os.pathsep.join(
                map(os.path.abspath, filter(None, ["src", ".", os.environ.get("PYTHONPATH")]))
            ),
        }
        limits = engine_limit(environment, folder)
        rates, peak = whole_path(environment, data, port, chosen.repeat, chosen.requests)
    best, ours = max(limits.values()), median(rates)
    table = Table("what", "records per CPU-second", title=f"OTLP logs, {len(templates()[0]) / RECORDS:.0f} B a record")
    for batch, rate in limits.items():
        table.add_row(f"engine alone, batches of {batch:,}", f"{rate:,.0f}")
    table.add_row(
        f"whole path, {CONNECTIONS} connections, {RECORDS:,} a request (median of {len(rates)})", f"{ours:,.0f}"
    )
    console.print(table)
    console.print(f"{ours / best:.0%} of the engine's limit (wanted: at least {TARGET:.0%})")
    console.print(
        f"{peak / 1e6:,.0f} MB at most, all processes together (wanted: at most {MEMORY_TARGET_BYTES / 1e6:,.0f})"
    )
    return 0 if ours / best >= TARGET and peak <= MEMORY_TARGET_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())

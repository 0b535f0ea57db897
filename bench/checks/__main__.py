"""`python -m bench.checks`: 10 000 HTTP checks every 60 s against a local server, for three minutes, and a restart.

Prints the probe's CPU, the distance between two looks at the same address, memory, and how long after a restart
every check had been looked at again. The machine's own load is printed too: it is part of the answer.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import httpx
import psutil

from examples.demo.install import free_ports
from golive.kit.launch import bound_to_me


def start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "GOLIVE_ALLOW_PRIVATE": "127.0.0.0/8"}
    command = bound_to_me([sys.executable, "-m", module, *arguments])
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def wait_for_site(url: str) -> None:
    for _ in range(300):
        try:
            httpx.get(f"{url}/forget", trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the site did not start")


def figures(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/figures", trust_env=False, timeout=60).json()
    return found


def until_all(url: str, count: int, patience: float) -> float:
    """Seconds until every path was asked."""
    began = time.monotonic()
    while time.monotonic() - began < patience:
        if figures(url)["paths"] >= count:
            return time.monotonic() - began
        time.sleep(0.5)
    return float("inf")


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.checks", description=__doc__)
    options.add_argument("--checks", type=int, default=10_000)
    options.add_argument("--every", type=float, default=60.0)
    options.add_argument("--seconds", type=float, default=180.0)
    given = options.parse_args()
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    with tempfile.TemporaryDirectory(prefix="bench-checks-") as folder:
        os.environ["GOLIVE_DATA"] = folder
        site = start("bench.checks.site", url.rpartition(":")[2])
        wait_for_site(url)
        words = (url, str(given.checks), str(given.every), folder)
        probe = start("bench.checks.probe", *words)
        try:
            first = until_all(url, given.checks, given.every * 4)
            measured = measure(probe, url, given.seconds)
            probe.kill()
            probe.wait()
            httpx.get(f"{url}/forget", trust_env=False)
            probe = start("bench.checks.probe", *words)
            again = until_all(url, given.checks, given.every * 4)
        finally:
            probe.kill()
            site.kill()
    report(given.checks, given.every, first, again, measured)


def measure(probe: subprocess.Popen[bytes], url: str, seconds: float) -> dict[str, float]:
    process = psutil.Process(probe.pid)
    httpx.get(f"{url}/forget", trust_env=False)
    busy, machine = sum(process.cpu_times()[:2]), psutil.cpu_times()
    began = time.monotonic()
    time.sleep(seconds)
    lasted = time.monotonic() - began
    after = psutil.cpu_times()
    found = figures(url)
    gaps = sorted(found["gaps"])
    idle = (after.idle - machine.idle) / (lasted * (psutil.cpu_count() or 1))
    return {
        "cpu": (sum(process.cpu_times()[:2]) - busy) / lasted,
        "memory": process.memory_info().rss / 2**20,
        "rate": found["asked"] / lasted,
        "p50": gaps[len(gaps) // 2],
        "p99": gaps[int(len(gaps) * 0.99)],
        "worst": gaps[-1],
        "idle": idle,
        "load": os.getloadavg()[0],
    }


def report(checks: int, every: float, first: float, again: float, found: dict[str, float]) -> None:
    rows = [
        ("checks", f"{checks} every {every:g} s ({found['rate']:.0f}/s)", ""),
        ("CPU of one core", f"{found['cpu'] * 100:.0f} %", "60 %"),
        ("interval p50", f"{found['p50']:.2f} s", ""),
        ("interval p99", f"{found['p99']:.2f} s", f"{every + 0.5:.1f} s"),
        ("interval worst", f"{found['worst']:.2f} s", ""),
        ("memory", f"{found['memory']:.0f} MiB", "300 MiB"),
        ("all looked at after the start", f"{first:.1f} s", ""),
        ("all looked at again after kill -9", f"{again:.1f} s", f"{every:.0f} s + start"),
        ("the machine meanwhile", f"load {found['load']:.1f}, {found['idle'] * 100:.0f} % idle", ""),
    ]
    print("| figure | measured | target |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()

"""`python -m bench.checks`: 10 000 HTTP checks every 60 s against a local server, for three minutes, and a restart.

The probe is `golive probe` itself, as it is run anywhere; the site that it looks at takes its results too. Printed are
the probe's CPU, the distance between two looks at the same address, memory, and how long after `kill -9` every check
had been looked at again. The machine's own load is printed too: it is part of the answer.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import httpx
import psutil

from examples.demo.install import free_ports
from golive.kit.launch import bound_to_me

STARTING_SECONDS = 120.0


def start(words: Sequence[str], folder: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "GOLIVE_ALLOW_PRIVATE": "127.0.0.0/8", "GOLIVE_DATA": folder, "NO_PROXY": "*"}
    command = bound_to_me([sys.executable, "-m", *words])
    return subprocess.Popen(command, env=environment, stdout=sys.stderr)


def start_probe(url: str, folder: str) -> subprocess.Popen[bytes]:
    return start(["golive.cli", "probe", "--server", url, "--token", "bench"], folder)


def wait_for(url: str) -> None:
    end = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < end:
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


def until(url: str, count: int, patience: float) -> float:
    """Seconds until so many paths were asked."""
    began = time.monotonic()
    while time.monotonic() - began < patience:
        if figures(url)["paths"] >= count:
            return time.monotonic() - began
        time.sleep(0.5)
    raise SystemExit(f"after {patience:.0f} s only {figures(url)['paths']} of {count} checks had been looked at")


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.checks", description=__doc__)
    options.add_argument("--checks", type=int, default=10_000)
    options.add_argument("--every", type=float, default=60.0, metavar="SECONDS")
    options.add_argument("--seconds", type=float, default=180.0, help="how long to measure")
    given = options.parse_args()
    if given.seconds < 2 * given.every:
        options.error("--seconds must be two intervals at least, or there is no distance to measure")
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    patience = given.every * 2 + STARTING_SECONDS
    with tempfile.TemporaryDirectory(prefix="bench-checks-") as folder:
        site = start(["bench.checks.site", url.rpartition(":")[2], str(given.checks), str(given.every)], folder)
        wait_for(url)
        probe = start_probe(url, folder)
        try:
            first = until(url, 1, patience), until(url, given.checks, patience)
            measured = measure(probe, url, given.seconds)
            probe.kill()
            probe.wait()
            httpx.get(f"{url}/forget", trust_env=False)
            probe = start_probe(url, folder)
            again = until(url, 1, patience), until(url, given.checks, patience)
        finally:
            for process in (probe, site):
                process.kill()
                process.wait()
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
    return {
        "cpu": (sum(process.cpu_times()[:2]) - busy) / lasted,
        "memory": process.memory_info().rss / 2**20,
        "rate": found["asked"] / lasted,
        "p1": gaps[int(len(gaps) * 0.01)],
        "p50": gaps[len(gaps) // 2],
        "p99": gaps[int(len(gaps) * 0.99)],
        "worst": gaps[-1],
        "up": found["up"] / max(found["reported"], 1),
        "reported": found["reported"] / found["asked"],
        "idle": (after.idle - machine.idle) / (lasted * (psutil.cpu_count() or 1)),
        "load": os.getloadavg()[0],
    }


def report(
    checks: int, every: float, first: tuple[float, float], again: tuple[float, float], found: dict[str, float]
) -> None:
    rows = [
        ("checks", f"{checks} every {every:g} s ({found['rate']:.0f}/s)", ""),
        ("CPU of one core", f"{found['cpu'] * 100:.0f} %", "60 %"),
        ("interval p99", f"{found['p99']:.2f} s", f"{every + 0.5:.1f} s"),
        ("interval p1, p50, worst", f"{found['p1']:.2f} s, {found['p50']:.2f} s, {found['worst']:.2f} s", ""),
        ("memory", f"{found['memory']:.0f} MiB", "300 MiB"),
        ("all looked at after the start", f"{first[1]:.1f} s, and {first[0]:.1f} s to start", ""),
        (
            "all looked at again after kill -9",
            f"{again[1]:.1f} s, and {again[0]:.1f} s to start",
            f"{every:.0f} s",
        ),
        ("results that reached the server", f"{found['reported']:.1%} of looks, {found['up']:.2%} up", "100 %"),
        ("the machine meanwhile", f"load {found['load']:.1f}, {found['idle'] * 100:.0f} % idle", ""),
    ]
    print("| figure | measured | target |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()

"""`python -m bench.statuspage [--seconds 5]`: requests a second of one core for the public page of a running install.

The web process is pinned to one core, the load to another. Then pager, jobs, ingest and store are killed and the
database is taken away, and the same is measured again. The goal is 2 000 requests/s both times, with none failed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from golive.sandbox.servers import free_port

TARGET = 2000
CONNECTIONS = 32
PATHS = ("/status/acme/", "/status/acme/api/v2/summary.json")
SETUP = """
import django; django.setup()
from django.core.management import call_command; call_command("migrate", verbosity=0)
from datetime import timedelta
from django.utils import timezone
from golive.incidents import moves
from golive.people.models import Project
from golive.statuspage import publish, telling
from golive.statuspage.models import Component, Day, Told
project = Project.objects.create(slug="acme", name="acme")
today = timezone.now().date()
for position in range(8):
    Component.objects.create(project=project, name=f"Part {position}", position=position, checks=[f"c{position}"])
    Day.objects.bulk_create([Day(project=project, check_name=f"c{position}", day=today - timedelta(days=n),
                                 results=1440, failures=n % 7) for n in range(90)])
for number in range(12):
    made = moves.open_incident(project, f"incident {number}", "critical", timezone.now())
    telling.tell(made, Told.RESOLVED, "Words for customers. " * 10, "ada", timezone.now())
publish.write_all(timezone.now())
"""
console = Console()


def measure(port: int, web: psutil.Process, path: str, seconds: float) -> dict[str, float]:
    """Put load on it from another core."""
    before = web.cpu_times()
    command = [sys.executable, "-m", "bench.statuspage.load", str(port), path, str(seconds), str(CONNECTIONS)]
    told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    after = web.cpu_times()
    told["core"] = (after.user + after.system - before.user - before.system) / seconds
    return dict(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="golive-statuspage-") as folder:
        port, data = free_port(), Path(folder) / "data"
        environment = {
            **os.environ,
            "GOLIVE_DATA": str(data),
            "DJANGO_SETTINGS_MODULE": "golive.settings",
            "GOLIVE_LOG_LEVEL": "ERROR",
        }
        subprocess.run([sys.executable, "-c", SETUP], env=environment, check=True)
        web = start(environment, "uvicorn", "golive.asgi:application", "--port", str(port), "--log-level", "error")
        rest = [start(environment, name) for name in ("golive.telemetry.server", "golive.pager", "golive.jobs")]
        try:
            ok = report(port, psutil.Process(web.pid), rest, data, chosen.seconds)
        finally:
            for process in [web, *rest]:
                process.kill()
                process.wait()
    sys.exit(0 if ok else 1)


def start(environment: dict[str, str], module: str, *arguments: str) -> subprocess.Popen[bytes]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", module, *arguments], env=environment, **quiet)


def report(port: int, web: psutil.Process, rest: list[subprocess.Popen[bytes]], data: Path, seconds: float) -> bool:
    wait_for(f"http://127.0.0.1:{port}{PATHS[0]}")
    cores = sorted(os.sched_getaffinity(0))
    web.cpu_affinity(cores[:1])
    os.sched_setaffinity(0, cores[1:] or cores)
    table = Table("the rest", "path", "requests/s", "per core-second", "p50 ms", "p99 ms", "failed", box=None)
    good = True
    for words in ("running", "stopped"):
        if words != "running":
            for process in rest:
                process.kill()
                process.wait()
            for path in data.glob("golive.db*"):
                path.unlink()
        for path in PATHS:
            told = measure(port, web, path, seconds)
            per_core = told["rate"] / told["core"]
            good &= per_core >= TARGET and not told["failed"]
            numbers = [f"{told['rate']:.0f}", f"{per_core:.0f}", f"{told['p50_ms']:.1f}", f"{told['p99_ms']:.1f}"]
            table.add_row(words, path, *numbers, str(int(told["failed"])))
    console.print(table)
    console.print(f"goal: {TARGET} requests per core-second, none failed: {'kept' if good else 'missed'}")
    return good


def wait_for(url: str) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(url)
            return
        except OSError:
            time.sleep(0.3)
    raise SystemExit(f"{url} does not answer")


if __name__ == "__main__":
    main()

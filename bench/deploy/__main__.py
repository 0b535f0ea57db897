"""`python -m bench.deploy [--deploys 20] [--requests 50000]`: deploys under load, rollbacks, and golive killed.

The product runs as any release does: under the keeper, behind Caddy. Customers are a process of their own.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(tempfile.mkdtemp(prefix="golive-bench-deploy-"))
os.environ["GOLIVE_DATA"] = str(DATA)
os.environ["DJANGO_SETTINGS_MODULE"] = "golive.settings"

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from bench.pipeline.keeping import end_deployed  # noqa: E402
from examples.demo.install import Install, free_ports  # noqa: E402
from golive.people.models import Project  # noqa: E402
from golive.releases import door, tend  # noqa: E402
from golive.releases.host import keeper, units  # noqa: E402
from golive.releases.host.place import place  # noqa: E402
from golive.releases.models import Deploy, DeploySettings, Environment  # noqa: E402

HERE = Path(__file__).parent
HOST = "shop.localhost"
SETTINGS: dict[str, Any] = {
    "processes": {"web": {"run": f"{sys.executable} -m uvicorn product:app --uds $SOCKET --no-access-log", "count": 2}},
    "build": [], "https": "off", "health": "/healthz", "watch": "2s", "drain": "3s", "warm": "1s",
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    began: float
    took_ms: float
    result: str
    release: str
    kind: str

    @property
    def failed(self) -> bool:
        return self.result != "200"


class Load:
    """The customers' process and what it wrote."""

    def __init__(self, port: int, name: str) -> None:
        self.file = DATA / f"{name}.jsonl"
        words = [sys.executable, "-m", "bench.deploy.load", str(port), HOST, str(self.file)]
        self.popen = subprocess.Popen(words, cwd=HERE.parents[1])
        while not self.file.exists() or not self.file.stat().st_size:
            time.sleep(0.05)

    def lines(self) -> int:
        with self.file.open("rb") as file:
            return sum(1 for _ in file)

    def end(self) -> list[Request]:
        self.popen.send_signal(signal.SIGTERM)
        self.popen.wait(60)
        return [Request(*json.loads(line)) for line in self.file.read_text().splitlines()]


def p99(requests: list[Request]) -> float:
    times = sorted(one.took_ms for one in requests if one.kind in ("get", "post"))
    return times[int(len(times) * 0.99)] if times else 0.0


def build(project: Project, number: int) -> Any:
    source = DATA / "sources" / str(number)
    source.mkdir(parents=True)
    shutil.copy(HERE / "product.py", source)
    return door.build(project, source, f"{number:07x}")


def deploys_under_load(project: Project, where: Environment, port: int, count: int, requests: int) -> dict[str, Any]:
    """`count` deploys spread over at least `requests` requests."""
    load = Load(port, "deploys")
    time.sleep(3)
    quiet_until, took, switches, spans = time.time(), list[float](), list[float](), list[tuple[float, float]]()
    for number in range(count):
        release = build(project, number + 2)
        began = time.time()
        outcome = door.deploy(release, where)
        assert outcome.well, outcome.reason
        spans.append((began, time.time()))
        took.append(outcome.took_seconds - 2.0)  # without the watch, which is a setting
        made = Deploy.objects.get(pk=outcome.deploy_id)
        assert made.switched_at
        switches.append(made.switched_at.timestamp())
        print(f"  deploy {number + 1} of {count}: {outcome.took_seconds:.1f} s, {load.lines()} requests", flush=True)
        wanted = requests * (number + 1) / count
        while load.lines() < wanted:
            time.sleep(0.25)
        time.sleep(1.1)
        tend.cool()  # as the jobs process does: the release before drains and ends, and so does its WebSocket
    found = load.end()
    quiet = [r for r in found if r.began < quiet_until or all(not a - 1 < r.began < b + 1 for a, b in spans)]
    during = [r for r in found if any(at - 0.25 <= r.began <= at + 0.75 for at in switches)]
    probed = [d.availability for d in Deploy.objects.filter(environment=where) if d.availability]
    return {
        "deploys": count,
        "requests": sum(r.kind != "websocket" for r in found),
        "POST": sum(r.kind == "post" for r in found),
        "slow (800 ms)": sum(r.kind == "slow" for r in found),
        "failed": sum(r.failed for r in found if r.kind != "websocket"),
        "what failed": sorted({f"{r.result} {r.kind}" for r in found if r.failed}),
        "WebSocket messages": sum(r.kind == "websocket" for r in found),
        "WebSocket reconnects (one a deploy is by design)": sum(r.failed for r in found if r.kind == "websocket"),
        "requests/s": round(len(found) / (found[-1].began - found[0].began)),
        "p99 between deploys, ms": round(p99(quiet), 1),
        "p99 around a switch, ms": round(p99(during), 1),
        "p99 ratio": round(p99(during) / p99(quiet), 2) if quiet else None,
        "deploy without the watch, s (median)": round(sorted(took)[len(took) // 2], 1),
        "golive's own probes": sum(a["requests"] for a in probed),
        "golive's own probes failed": sum(a["failures"] for a in probed),
    }


def rollbacks(project: Project, where: Environment, port: int) -> dict[str, Any]:
    """From the verdict of a failing smoke test to the old release serving; and by the button, warm."""
    DeploySettings.objects.filter(project=project).update(deploy=SETTINGS | {"smoke": ["false"], "warm": "5m"})
    said: list[tuple[float, str]] = []
    load = Load(port, "smoke")
    time.sleep(1)
    outcome = door.deploy(build(project, 900), where, tell=lambda line: said.append((time.time(), line)))
    time.sleep(0.5)
    found = load.end()
    verdict_at = next(at for at, line in said if line.startswith("✗"))
    bad = outcome_release(outcome.deploy_id)
    last_bad = max(r.began + r.took_ms / 1000 for r in found if r.release == bad and r.kind in ("get", "post"))
    DeploySettings.objects.filter(project=project).update(deploy=SETTINGS | {"warm": "5m"})
    where.refresh_from_db()
    assert door.deploy(build(project, 901), where).well
    where.refresh_from_db()
    load = Load(port, "button")
    time.sleep(1)
    pressed = time.time()
    button = door.rollback(where, by="bench")
    time.sleep(0.5)
    pressing = load.end()
    served = min(
        r.began + r.took_ms / 1000 for r in pressing
        if r.began > pressed and r.release == outcome_release(button.deploy_id) and r.kind in ("get", "post")
    )  # fmt: skip
    return {
        "failing smoke test": outcome.state,
        "verdict to the bad release's last answer, s": round(max(0.0, last_bad - verdict_at), 2),
        "button to the old release's first answer, s": round(served - pressed, 2),
        "button, whole rollback, s": round(button.took_seconds, 2),
        "requests": len(found) + len(pressing),
        "failed": sum(r.failed for r in [*found, *pressing] if r.kind != "websocket"),
    }


def outcome_release(number: int) -> str:
    return Deploy.objects.get(pk=number).release.name


def killed(port: int) -> dict[str, Any]:
    """golive up, all of it killed with -9, keeper included; then up again."""
    connections.close_all()
    install = Install(DATA, environment={"GOLIVE_HTTP_PORT": str(port), **golive_ports()})
    install.start(300)
    where = place()
    before = {name: units.standing(where, name).pid for name in units.names(where)}
    load = Load(port, "killed")
    time.sleep(2)
    install.kill_all()
    if pid := keeper.keeper_pid(where):
        os.kill(pid, signal.SIGKILL)
    time.sleep(4)
    install.start(300)
    end = time.time() + 60
    while not keeper.keeper_runs(where) and time.time() < end:
        time.sleep(0.2)
    time.sleep(2)
    found = load.end()
    after = {name: units.standing(where, name).pid for name in units.names(where)}
    adopted = keeper.keeper_runs(where)
    install.stop()
    return {
        "requests": sum(r.kind != "websocket" for r in found),
        "failed": sum(r.failed for r in found if r.kind != "websocket"),
        "WebSocket reconnects": sum(r.failed for r in found if r.kind == "websocket"),
        "processes the same afterwards": before == after,
        "keeper back": adopted,
    }


def golive_ports() -> dict[str, str]:
    return {name: os.environ[name] for name in ("GOLIVE_HTTPS_PORT", "GOLIVE_FRONT_LISTEN")}


def show(title: str, rows: dict[str, Any]) -> None:
    table = Table("", "measured", title=title, title_justify="left")
    for name, value in rows.items():
        table.add_row(name, ", ".join(value) if isinstance(value, list) else f"{value}")
    Console(width=100).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deploys", type=int, default=20)
    parser.add_argument("--requests", type=int, default=50_000)
    options = parser.parse_args()
    plain, secure = free_ports(2)
    os.environ |= {"GOLIVE_HTTP_PORT": str(plain), "GOLIVE_HTTPS_PORT": str(secure), "GOLIVE_FRONT_LISTEN": "127.0.0.1"}
    call_command("migrate", verbosity=0)
    project = Project.objects.create(slug="shop", name="shop")
    DeploySettings.objects.create(project=project, deploy=SETTINGS)
    where = door.environment(project)
    try:
        assert door.deploy(build(project, 1), where).well
        where.refresh_from_db()
        show("Deploys under load", deploys_under_load(project, where, plain, options.deploys, options.requests))
        show("Rollbacks", rollbacks(project, where, plain))
        show("All of golive killed with -9", killed(plain))
    finally:
        end_deployed(DATA)
        shutil.rmtree(DATA, ignore_errors=True)


if __name__ == "__main__":
    main()

"""A healthy site whose packets are lost: three probers, many checks, many rounds, and what golive falsely says.

The probers, their sockets and the judge are golive's own; only the database of record is left out. Packets are lost on
both ways, by the kernel.
"""

import ipaddress
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench.outages import site
from bench.outages.lands import Lands
from golive.alerts.models import State
from golive.checks import timetable
from golive.checks.judging import Regions
from golive.checks.kinds.http import HttpSection
from golive.checks.probe import REGION, Result, Target
from golive.checks.prober import Prober
from golive.checks.verdict import Attempt, Outcome, Position, Verdict
from golive.checks.windows import Window
from golive.kit.connections import Policy

CHECKS = 500
EVERY = timedelta(seconds=10)
REGIONS = (REGION, "eu", "us")
POLICY = Policy((ipaddress.ip_network("10.77.0.0/24"),))


class Server:
    """What golive keeps, in memory: positions, flips, what the other regions sent, whom they should look at."""

    def __init__(self, url: str) -> None:
        self.url, self.lock = url, threading.Lock()
        self.positions = dict.fromkeys(range(1, CHECKS + 1), Position(State.UNKNOWN))
        self.flips: list[tuple[str, Verdict]] = []
        self.sent: list[tuple[int, Attempt]] = []
        self.wishes: dict[str, list[int]] = {region: [] for region in REGIONS}
        self.looks = dict.fromkeys(REGIONS, 0)
        self.failed = dict.fromkeys(REGIONS, 0)

    def targets_of(self, region: str) -> dict[int, tuple[Target, Position]]:
        shift = timetable.shift_of(region, REGIONS)
        wanted = {number: HttpSection(url=f"{self.url}/{number}") for number in self.positions}
        return {
            number: (
                Target(number, "shop", f"c{number}", one.url, EVERY, wanted=one, shift=shift),
                self.positions[number],
            )
            for number, one in wanted.items()
        }

    def count(self, region: str, results: Sequence[Result]) -> None:
        with self.lock:
            self.looks[region] += len(results)
            self.failed[region] += sum(result.attempt.outcome is not Outcome.UP for result in results)

    # What a prober that judges asks.

    def flip(self, target: Target, old: Position, verdict: Verdict, at: datetime) -> Position:
        self.positions[target.number] = verdict.position
        self.flips.append((target.name, verdict))
        return verdict.position

    def explain(self, target: Target, text: str) -> None: ...

    def arrivals(self) -> Sequence[tuple[int, Attempt]]:
        with self.lock:
            sent, self.sent = self.sent, []
        return sent

    def regions(self, now: datetime) -> Regions:
        return Regions(dict.fromkeys(REGIONS, ""))

    def windows(self) -> dict[str, list[Window]]:
        return {}

    def ask_elsewhere(self, numbers: Sequence[int], at: datetime) -> None:
        for region in REGIONS[1:]:
            self.wishes[region] += numbers

    def faults(self, found: dict[str, str], at: datetime) -> None: ...


class Desk:
    """A prober's keeper."""

    def __init__(self, server: Server, region: str) -> None:
        self.server, self.region = server, region
        self.all: dict[int, tuple[Target, Position]] | None = server.targets_of(region)

    def targets(self) -> dict[int, tuple[Target, Position]] | None:
        found, self.all = self.all, None
        return found

    def record(self, results: Sequence[Result]) -> None:
        self.server.count(self.region, results)
        if self.region != REGION:
            with self.server.lock:
                self.server.sent += [(result.target.number, result.attempt) for result in results]

    def beat(self, at: datetime, numbers: Sequence[int], details: dict[str, Any]) -> None: ...

    def asked(self) -> Sequence[int]:
        wishes, self.server.wishes[self.region] = self.server.wishes[self.region], []
        return wishes


def lossy(lands: Lands, folder: Path, percent: int, rounds: int) -> int:
    """Look `rounds` times from every region; 0 when nobody would have been paged."""
    host = lands.address["site"]
    site.certify(folder, host)
    (folder / "mood").write_text("well")
    shop = subprocess.Popen(lands.within("site", "bench.outages.site", host, str(folder)))
    server, stop = Server(f"http://{host}:{site.HTTP}"), threading.Event()
    time.sleep(10)
    desks = {region: Desk(server, region) for region in REGIONS}
    probers = [Prober(desks[REGION], "0" * 12, POLICY, court=server)]
    probers += [Prober(desks[region], "0" * 12, POLICY, region=region) for region in REGIONS[1:]]
    threads = [threading.Thread(target=prober.run, args=(stop,), daemon=True) for prober in probers]
    for thread in threads:
        thread.start()
    while {place.state for place in server.positions.values()} != {State.OK}:
        time.sleep(1)
    for land in ("site", "home"):
        lands.lose(land, percent)
    before, began, first, failed = len(server.flips), time.monotonic(), dict(server.looks), sum(server.failed.values())
    while (done := min(server.looks[region] - first[region] for region in REGIONS)) < rounds:
        time.sleep(10)
        print(f"{done} rounds in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    lost = sum(lands.lost(land) for land in ("site", "home"))
    bad = [(name, verdict) for name, verdict in server.flips[before:] if verdict.state != State.OK]
    failed = sum(server.failed.values()) - failed
    stop.set()
    for thread in threads:
        thread.join(30)
    shop.kill()
    shop.wait()
    for name, verdict in bad:
        print(f"  {name}: {verdict.scope.value} {verdict.severity} {verdict.text}")
    pages = sum(verdict.severity == "critical" for _, verdict in bad)
    words = ("rounds in each of 3 regions", "packets lost", "looks that failed", "false verdicts", "pages")
    figures = (done, f"{lost} ({percent} % each way)", failed, len(bad), pages)
    for row in (words, ["---"] * len(words), figures):
        print("| " + " | ".join(map(str, row)) + " |")
    return 1 if bad else 0

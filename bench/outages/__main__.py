"""`python -m bench.outages`: nine real failures, three `golive probe` processes in network namespaces of their own.

Prints failure → verdict → page (as a mail server received it) → status page (as its file says), in seconds since the
failure began. Intervals are shortened by one declared factor (--factor 1 is production's 60 s); golive's own steps
(probes report every 2 s) are not, so that times shrink by less. Needs root and the commands ip and nft; without them
the probes run as plain processes, and what needs a network of its own is told as not run.

`--loss PERCENT` instead looks at a healthy site whose packets are lost, in rounds, and counts what is told falsely.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django

from bench.outages.faults import FAULTS, Fault
from bench.outages.lands import Alone, Lands, LandsError
from bench.outages.world import REGIONS, Pace, World, until

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
django.setup()

from bench.outages.loss import lossy  # noqa: E402 (needs Django's tables)

LANDS = ("site", "home", *REGIONS)
PATIENCE_SECONDS = 240.0
SHOWN = {"global": "major_outage", "regional": "partial_outage"}


def arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="python -m bench.outages", description=__doc__)
    options.add_argument("--factor", type=float, default=4.0, help="how many times shorter than 60 s intervals are")
    options.add_argument("--only", nargs="*", type=int, help="numbers of the failures to make, from 1")
    options.add_argument("--repeat", type=int, default=1, help="how often each")
    options.add_argument("--loss", type=int, default=0, metavar="PERCENT", help="lose packets of a healthy site")
    options.add_argument("--rounds", type=int, default=10_000, help="with --loss: looks in every region")
    options.add_argument("--inside", default="", help=argparse.SUPPRESS)
    return options.parse_args()


def main() -> None:
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the namespaces go too
    if given.inside:
        raise SystemExit(inside(given, Lands(LANDS, tag=given.inside)))
    try:
        with Lands(LANDS) as lands:
            words = lands.within("home", "bench.outages", *sys.argv[1:], "--inside", lands.tag)
            raise SystemExit(subprocess.run(words, check=False).returncode)
    except LandsError as error:
        print(f"without network namespaces ({error}): the probes are plain processes")
        raise SystemExit(inside(given, Alone(LANDS))) from None


def inside(given: argparse.Namespace, lands: Lands) -> int:
    pace = Pace(given.factor)
    with tempfile.TemporaryDirectory(prefix="bench-outages-", ignore_cleanup_errors=True) as folder:
        if given.loss:
            return lossy(lands, Path(folder), given.loss, given.rounds)
        with World(lands, Path(folder), pace) as world:
            chosen = [fault for number, fault in enumerate(FAULTS, 1) if not given.only or number in given.only]
            rows = [row for fault in chosen for _ in range(given.repeat) if (row := play(world, fault))]
    print(
        f"\nfactor {given.factor:g}: every {pace.every:g} s, time-out {pace.timeout:g} s, load {os.getloadavg()[0]:.0f}"
    )
    print("| failure | verdict | after | page | status page | recovered |\n|---|---|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row["cells"]) + " |")
    return 0 if all(row["held"] for row in rows) else 1


def play(world: World, fault: Fault) -> dict[str, Any]:
    """Begin a failure, watch, end it, watch the recovery."""
    print(f"{datetime.now(UTC):%H:%M:%S} {fault.name}", file=sys.stderr)
    until("rest", lambda: world.all_well() and world.voices(), PATIENCE_SECONDS)
    world.settle()
    time.sleep(world.pace.every / 3)
    began, before = datetime.now(UTC), world.last_flip()
    try:
        fault.begin(world)
        row = watch(world, fault, began, before)
    except (TimeoutError, LandsError) as error:
        traceback.print_exc()
        row = {"cells": [fault.name, f"NOT SEEN: {error}", "", "", ""], "held": False}
    fault.end(world)
    ended = datetime.now(UTC)
    until("recovery", lambda: world.all_well() and world.voices(), PATIENCE_SECONDS)
    row["cells"].append(seconds(ended, datetime.now(UTC)) if fault.scope else "")
    print(json.dumps(row["cells"]), file=sys.stderr)
    return row


def watch(world: World, fault: Fault, began: datetime, before: int) -> dict[str, Any]:
    firing = lambda: [one for one in world.flips(before, fault.source) if one["new"] == "firing"]  # noqa: E731
    if not fault.scope and fault.seconds:
        time.sleep(fault.seconds * world.pace.every)
        told, mails = firing(), world.pages_since(began)
        cells = [fault.name, told[0]["title"] if told else "none", "", count(mails), (world.shown() or ("?",))[0]]
        return {"cells": cells, "held": not told and not mails}
    flip = until("verdict", firing, PATIENCE_SECONDS)[0]
    scope = json.loads(flip["evidence"]).get("scope", "")
    held = scope == fault.scope
    page = shown = ""
    if fault.pages:
        mail = until("page", lambda: world.pages_since(began), PATIENCE_SECONDS)[0]
        page = seconds(began, mail.received_at)
        time.sleep(5)  # would a second one come?
        held = held and len(world.pages_since(began)) == 1
    else:
        time.sleep(5)
        page = count(world.pages_since(began))
        held = held and page == "none"
    if fault.scope:
        state, written = until("state on the page", lambda: broken(world, began), PATIENCE_SECONDS)
        shown = f"{state} {seconds(began, written)}"
        held = held and state == SHOWN[fault.scope]
    else:
        shown = (world.shown() or ("?",))[0]
    at = datetime.fromisoformat(flip["at"]).replace(tzinfo=UTC)
    said = f"{scope or flip['severity']}: {flip['title']} - {flip['reason']}"
    note = f" ({fault.note})" if fault.note else ""
    return {"cells": [fault.name, said, seconds(began, at), page + note, shown], "held": held}


def broken(world: World, began: datetime) -> tuple[str, datetime] | None:
    shown = world.shown()
    return shown if shown and shown[0] != "operational" and shown[1] >= began - timedelta(seconds=1) else None


def count(mails: list[Any]) -> str:
    return str(len(mails)) if mails else "none"


def seconds(since: datetime, at: datetime) -> str:
    return f"{(at - since).total_seconds():.1f} s"


if __name__ == "__main__":
    main()

"""`python -m golive.up`: what `golive up` becomes."""

import argparse
import contextlib
import os
import socket
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil

from golive.kit.folders import data_folder
from golive.up.child import Tell
from golive.up.instance import AlreadyRunning, Status, end_leftovers, lock
from golive.up.ports import PortTaken, claim
from golive.up.processes import Place, environment
from golive.up.supervisor import Supervisor, prepare

COLOURS = {"golive": "1", "store": "36", "ingest": "35", "web": "34", "pager": "33", "jobs": "32"}


def options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="golive up",
        description="Start golive: store, ingest, console, pager and jobs, and watch over them. Ctrl-C stops all.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    known = os.environ.get
    parser.add_argument("--data", metavar="DIR", type=Path, default=None, help="data folder (GOLIVE_DATA)")
    parser.add_argument("--host", default=known("GOLIVE_HOST", "127.0.0.1"), help="address to listen on (GOLIVE_HOST)")
    parser.add_argument("--port", type=int, default=int(known("GOLIVE_PORT", "8400")), help="console and API")
    parser.add_argument(
        "--ingest-port", type=int, default=int(known("GOLIVE_INGEST_PORT", "4318")), help="OTLP and Sentry"
    )
    parser.add_argument("--url", default=known("GOLIVE_URL"), help="the console as people reach it (GOLIVE_URL)")
    parser.add_argument("--quiet", action="store_true", help="do not repeat the processes' logs here")
    return parser.parse_args(words)


def teller(quiet: bool) -> Tell:
    """Writes lines to stderr with time and process name; `quiet` leaves out all but our own."""
    coloured = sys.stderr.isatty() and "NO_COLOR" not in os.environ

    def tell(name: str, line: str) -> None:
        if quiet and name != "golive":
            return
        label = f"\x1b[{COLOURS.get(name, '0')}m{name:<6}\x1b[0m" if coloured else f"{name:<6}"
        # Our reader may be gone (`golive up | head`); the log files have it all.
        with contextlib.suppress(OSError, ValueError):
            print(f"{datetime.now(UTC):%H:%M:%S} {label} | {line}", file=sys.stderr, flush=True)

    return tell


def place_of(chosen: argparse.Namespace) -> Place:
    """Where this install lives and listens. Raises OSError when the data folder cannot be used."""
    if chosen.data is not None:
        os.environ["GOLIVE_DATA"] = str(chosen.data.expanduser().absolute())
    shown = "127.0.0.1" if chosen.host in ("0.0.0.0", "::") else chosen.host  # noqa: S104
    return Place(
        data=data_folder(),
        host=chosen.host,
        port=chosen.port,
        ingest_port=chosen.ingest_port,
        url=(chosen.url or f"http://{f'[{shown}]' if ':' in shown else shown}:{chosen.port}").rstrip("/"),
        embedded_store=not os.environ.get("GOLIVE_CLICKHOUSE_URL"),
    )


def main(words: Sequence[str]) -> int:
    """Run until stopped. Exit code 0 after a clean stop, 1 when it could not start, 3 for wrong input."""
    os.umask(0o077)  # databases and logs are for their owner alone, even in a folder that others may enter
    chosen = options(words)
    tell = teller(chosen.quiet)
    try:
        place = place_of(chosen)
        held = lock(place.data)
        if left := end_leftovers(place.data):
            tell("golive", f"ended what a killed golive left behind: {', '.join(left)}")
        claim(place.host, place.port, "--port")
        claim(place.host, place.ingest_port, "--ingest-port")
    except (AlreadyRunning, PortTaken) as error:
        print(f"golive: {error}", file=sys.stderr)
        return 1
    except (OSError, socket.gaierror) as error:
        print(f"golive: cannot use {chosen.data or 'the data folder'} or {chosen.host}: {error}", file=sys.stderr)
        return 3
    with held:
        me = psutil.Process()
        status = Status(me.pid, me.create_time(), time.time(), place.url, place.ingest_url)
        status.save(place.data)
        prepare(environment(place), tell)
        Supervisor(place, status, tell).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

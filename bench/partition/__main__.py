"""Convert a table under writes by each way, killed at each phase and resumed; print a table.

python -m bench.partition [--rows 20000000] [--rate 500] [--only wrap|whole|copy] [--folder FOLDER]
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.disk import Disk
from bench.doomed import Doomed, wait_to_be_told
from bench.tables import INSERT, Watch, clone, filled, ledger, update
from bench.writers import BEFORE_SECONDS, Writers, compared
from golive.postgres.partition.copy import Shadow
from golive.postgres.partition.plan import Every, Keys
from golive.postgres.partition.wrap import Done, undo, wrap
from golive.postgres.session import session
from golive.sandbox.servers import PostgresServer

PHASES = {
    "wrap": ["the bound of history", "the partitioned table", "the swap"],
    "whole": ["the bound of history", "the partitioned table", "the swap"],
    "copy": ["copy", "indexes", "changes since", "equality", "the swap"],
}
WAYS = {"wrap": "wrap", "whole": "wrap --keys whole", "copy": "copy"}
KILLED_WITHIN_COPY_AFTER = 20.0
WATCHED = ["events", "users", "events_history"]


def convert(url: str, mode: str, killed_at: str = "") -> Done | None:
    """Convert, or with `killed_at` kill this very process with SIGKILL when that phase begins."""
    began = time.monotonic()

    def tell(phase: str) -> None:
        print(f"  {mode}: {phase} at {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
        if phase == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with session(url, read_only=False, statement_timeout=timedelta()) as connection:
        if mode != "copy":
            keys = Keys.WHOLE if mode == "whole" else Keys.EACH
            return wrap(connection, "events", "at", Every.MONTH, 3, datetime.now(UTC), tell, keys)
        return Shadow(connection, "events", "at", tell).convert(Every.MONTH, 3, datetime.now(UTC))


def doomed(url: str, mode: str) -> list[Doomed]:
    """A child for each phase, and one that is killed within the copying."""
    child = ["-m", "bench.partition", "--child", url, mode]
    found = [Doomed([*child, phase]) for phase in PHASES[mode]]
    return [*found[:1], Doomed([*child, ""], KILLED_WITHIN_COPY_AFTER), *found[1:]] if mode == "copy" else found


def measure(server: PostgresServer, mode: str, rows: int, rate: float) -> str:
    url = clone(server, f"bench_{mode}")
    before = ledger(url, rows)
    with tempfile.TemporaryDirectory() as folder:
        writers = Writers(url, rate, Path(folder), [INSERT, update(1, rows)])
        watch, disk = Watch(url, WATCHED), Disk(server.folder)
        watch.start()
        disk.start()
        children = doomed(url, mode)
        time.sleep(BEFORE_SECONDS + 10)
        began = time.time()
        for child in children:
            child.live()
        done = convert(url, mode)
        assert done
        ended = time.time()
        watch.stop()
        time.sleep(3)
        writers.stop()
        still = disk.stop()
        calm, _ = writers.between(began - BEFORE_SECONDS, began)
        busy, _ = writers.between(began, ended)
        everything, failed = writers.between(0, ended + 60)
        inserts, updates = writers.first_of_two(), writers.second_of_two()
    after = ledger(url, rows)
    lost = before.rows + inserts - after.rows
    assert after.amount == before.amount + inserts + updates, (before, after, inserts, updates)
    assert after.original == before.original
    equal = f"{after.rows:,} rows by hash, sums"
    if mode != "copy":
        with session(url, read_only=False, statement_timeout=timedelta()) as connection:
            undo(connection, "events", lambda _: None)
        assert ledger(url, rows) == after
        equal += "; undo: the same"
    cells = [
        WAYS[mode],
        f"{rows:,}",
        len(children),
        f"{ended - began:.0f} s",
        f"{done.longest_lock_ms:.0f} ms (swap {done.locks['swap'].held_ms:.0f} ms)",
        f"{watch.longest_ms:.0f} ms ({watch.what}; looked at least every {watch.coarsest_ms:.0f} ms)",
        *compared(calm, busy, still),
        f"{failed} of {len(everything):,}",
        lost,
        equal,
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


HEAD = (
    "| way | rows | kills | took | longest lock, as golive measured | as a watcher of pg_locks saw "
    "| p50 / p99 of writes before | during | p99 ratio | worst write | disk stood still "
    "| failed | lost or doubled | equality |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|"
)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=20_000_000)
    options.add_argument("--rate", type=float, default=500)
    options.add_argument("--only", choices=list(PHASES))
    options.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "golive-bench-tables")
    options.add_argument("--programs", type=Path, help="the folder of another build's initdb and postgres")
    options.add_argument("--child", nargs=3)
    chosen = options.parse_args()
    if chosen.child:
        url, mode, phase = chosen.child
        wait_to_be_told()
        convert(url, mode, phase)
        sys.exit("the phase was never reached")
    with filled(chosen.rows, chosen.folder, chosen.programs) as server:
        print(HEAD, flush=True)
        for mode in PHASES:
            if chosen.only in (None, mode):
                print(measure(server, mode, chosen.rows, chosen.rate), flush=True)


if __name__ == "__main__":
    main()

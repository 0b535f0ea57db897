"""Archive the oldest part of a table under writes, killed at each moment of a batch and resumed; print a table.

python -m bench.archive [--rows 20000000] [--share 0.05] [--rate 500] [--only rows|partitions] [--folder FOLDER]
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django
import psycopg

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
os.environ.setdefault("GOLIVE_DATA", tempfile.gettempdir() + "/golive-bench-archive")
django.setup()

# ruff: noqa: E402  (they need Django's tables)
from bench.disk import Disk
from bench.doomed import Doomed, wait_to_be_told
from bench.tables import INSERT, Ledger, Watch, clone, filled, ledger, settle, update
from bench.writers import BEFORE_SECONDS, Writers, compared
from golive.postgres.archive.cold import Cold, open_cold
from golive.postgres.archive.filing import Filing
from golive.postgres.archive.move import Moved, Mover
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.archive.recall import restore
from golive.postgres.archive.whole import Whole
from golive.postgres.session import session
from golive.sandbox.servers import PostgresServer

DAYS = 720
MOMENTS = {  # whose method, which one, at which call
    "rows": [(Cold, "write", 3), (Cold, "read", 3), (Mover, "_delete", 3), (Filing, "log", 3), (Cold, "put", 3)],
    "partitions": [(Cold, "write", 3), (Cold, "read", 3), (Filing, "log", 3), (Whole, "_reached", 3),
                   (Whole, "_strike", 1), (Cold, "put", 3)],
}  # fmt: skip
NOW = datetime.now(UTC)


def plan_of(to: str, share: float) -> ArchivePlan:
    """The oldest share of the rows."""
    return ArchivePlan(table="events", by="at", older=timedelta(days=DAYS * (1 - share)), to=to)


def deadly(owner: Any, name: str, times: int) -> None:
    """SIGKILL this very process when a method is called for the third time or so."""
    calls, real = 0, getattr(owner, name)

    def dying(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == times:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)

    setattr(owner, name, dying)


def archive(url: str, to: str, share: float, now: datetime) -> Moved:
    """Move what is old."""
    plan = plan_of(to, share)
    with session(url, read_only=False, statement_timeout=timedelta()) as connection:
        return Mover(connection, "events", plan, open_cold(plan, "events"), lambda _: None).run(now)


def bytes_of(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT pg_total_relation_size('events') + COALESCE((SELECT sum(pg_total_relation_size(relid))"
            " FROM pg_partition_tree('events') WHERE isleaf), 0)"
        ).fetchone()
        assert row
        return int(row[0])


def partitioned(url: str) -> None:
    """The same rows in monthly partitions, as `golive db partition convert --mode copy` leaves them."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE events RENAME TO whole")
        connection.execute(
            "CREATE TABLE events (LIKE whole INCLUDING DEFAULTS INCLUDING IDENTITY) PARTITION BY RANGE (at)"
        )
        first = (NOW - timedelta(days=DAYS + 1)).date()
        for number in range(13):
            begin, end = (first + timedelta(days=62 * (number + step)) for step in (0, 1))
            connection.execute(
                f"CREATE TABLE events_{number} PARTITION OF events FOR VALUES FROM ('{begin}') TO ('{end}')"
            )
        connection.execute("INSERT INTO events SELECT * FROM whole")
        connection.execute("SELECT setval(pg_get_serial_sequence('events', 'id'), (SELECT max(id) FROM events))")
        connection.execute("DROP TABLE whole")
        connection.execute("ALTER TABLE events ADD PRIMARY KEY (id, at)")
        connection.execute("VACUUM ANALYZE events")
        connection.execute("CHECKPOINT")
    settle()


def measure(server: PostgresServer, way: str, rows: int, share: float, rate: float) -> str:
    url = clone(server, f"bench_archive_{way}")
    if way == "partitions":
        partitioned(url)
    moments = MOMENTS[way]
    before, size = ledger(url, rows), bytes_of(url)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cold_folder:
        writers = Writers(url, rate, Path(folder), [INSERT, update(rows // 2, rows)])
        watch, disk = Watch(url, ["events"]), Disk(server.folder)
        watch.start()
        disk.start()
        child = ["-m", "bench.archive", "--child", url, cold_folder, str(share), way]
        children = [Doomed([*child, str(number), NOW.isoformat()]) for number in range(len(moments))]
        time.sleep(BEFORE_SECONDS + 10)
        began = time.time()
        for each in children:
            each.live()
        archive(url, cold_folder, share, NOW)
        ended = time.time()
        watch.stop()
        time.sleep(3)
        writers.stop()
        still = disk.stop()
        calm, _ = writers.between(began - BEFORE_SECONDS, began)
        busy, _ = writers.between(began, ended)
        everything, failed = writers.between(0, ended + 60)
        inserts, updates = writers.first_of_two(), writers.second_of_two()
        hot = ledger(url, rows)
        plan = plan_of(cold_folder, share)
        cold = open_cold(plan, "events")
        files = list(cold.manifests())
        kept = sum(path.stat().st_size for path in Path(cold_folder).rglob("*.parquet"))
        freed = size - bytes_of(url)
        with session(url, read_only=False, statement_timeout=timedelta()) as connection:
            restore(connection, plan, cold, datetime(2000, 1, 1, tzinfo=UTC), NOW, "back")
        back: Ledger = ledger(url, rows, "back")
    both = hot + back
    assert both.original == before.original, "the hashes of hot and cold rows differ from before"
    assert both.amount == before.amount + inserts + updates, "a write was lost"
    cells = [
        way,
        f"{rows:,}",
        f"{back.rows:,} in {len(files)} files",
        len(moments),
        f"{ended - began:.0f} s",
        f"{watch.longest_ms:.0f} ms{f' ({watch.what})' if watch.what else ''}; looked every {watch.coarsest_ms:.0f} ms",
        *compared(calm, busy, still),
        f"{failed} of {len(everything):,}",
        before.rows + inserts - both.rows,
        f"{max(freed, 0) / 1e6:.0f} MB back, {kept / 1e6:.0f} MB cold",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


HEAD = (
    "| way | rows | archived | kills | took | longest strong lock on the table | p50 / p99 of writes before | during "
    "| p99 ratio | worst write | disk stood still | failed | lost or doubled | disk |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|"
)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=20_000_000)
    options.add_argument("--share", type=float, default=0.1, help="of the rows; a partition holds 0.086 of them")
    options.add_argument("--rate", type=float, default=500)
    options.add_argument("--only", choices=["rows", "partitions"])
    options.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "golive-bench-tables")
    options.add_argument("--programs", type=Path, help="the folder of another build's initdb and postgres")
    options.add_argument("--child", nargs=6)
    chosen = options.parse_args()
    if chosen.child:
        wait_to_be_told()
        url, to, share, way, number, now = chosen.child
        deadly(*MOMENTS[way][int(number)])
        archive(url, to, float(share), datetime.fromisoformat(now))
        sys.exit("the moment was never reached: archive more (--share)")
    with filled(chosen.rows, chosen.folder, chosen.programs) as server:
        print(HEAD, flush=True)
        for way in ("rows", "partitions"):
            if chosen.only in (None, way):
                print(measure(server, way, chosen.rows, chosen.share, chosen.rate), flush=True)


if __name__ == "__main__":
    main()

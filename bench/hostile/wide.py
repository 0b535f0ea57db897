"""`python -m bench.hostile [--megabytes 400]`: a row of three values of that size, and what each command makes of it.

The values do not compress, so the row is as large on disk as in memory. Beside it stand 30 000 small rows, and a table
whose 300 rows of 9 MB need next to nothing on disk. Memory is the most that golive's process and the server's processes
held above what they held before.
"""

import argparse
import base64
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from golive.postgres.advice.advise import advise
from golive.postgres.advice.plan import AdvicePlan
from golive.postgres.advice.workload import Statement
from golive.postgres.archive.cold import open_cold
from golive.postgres.archive.layout import BEGINNING
from golive.postgres.archive.move import Mover
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.archive.recall import ask, restore
from golive.postgres.backups import manifest
from golive.postgres.backups.dump import dumped_by, seal, without_password
from golive.postgres.backups.store import FolderStore
from golive.postgres.backups.tools import BackupTrouble
from golive.postgres.look.collector import Given, Lacking, Server
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.partition.copy import Shadow
from golive.postgres.partition.plan import Every
from golive.postgres.partition.wrap import undo, wrap
from golive.postgres.session import Connection, rows, session
from golive.postgres.trouble import DatabaseTrouble
from golive.sandbox.servers import PostgresServer, find_program

NOW = datetime.now(UTC)
FOREVER = timedelta()
SETTINGS = {"shared_preload_libraries": "pg_stat_statements", "max_wal_size": "4GB"}
HEAD = "| what | what happens | took | golive's memory | the server's memory |\n|---|---|--:|--:|--:|"


class Watched:
    """The most memory that this process and a server's processes hold while it is open, above what they held before."""

    def __init__(self, server: PostgresServer) -> None:
        self.server, self.ours, self.theirs = server, 0, 0
        self._ended = threading.Event()

    def __enter__(self) -> "Watched":
        self._before = self._now()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            ours, theirs = self._now()
            self.ours = max(self.ours, ours - self._before[0])
            self.theirs = max(self.theirs, theirs - self._before[1])

    def _now(self) -> tuple[int, int]:
        theirs = 0
        for process in psutil.Process(self.server.pid or 0).children():
            try:
                theirs += process.memory_full_info().uss
            except psutil.Error:
                continue
        return psutil.Process().memory_full_info().uss, theirs


def line(server: PostgresServer, what: str, work: Callable[[], str]) -> None:
    """Do it and print its line."""
    began = time.monotonic()
    with Watched(server) as watched:
        try:
            said = work()
        except DatabaseTrouble as error:
            said = f"says: {error}"
        except Exception as error:
            said = f"FAILED: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    took = time.monotonic() - began
    print(
        f"| {what} | {said} | {took:.1f} s | {watched.ours / 1e6:.0f} MB | {watched.theirs / 1e6:.0f} MB |", flush=True
    )


def filled(url: str, megabytes: int) -> None:
    """The tables. A row of more than a gigabyte can only grow to it: it cannot be inserted whole."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("pg_stat_statements", "pgstattuple", "hypopg"):
            connection.execute(f"CREATE EXTENSION {name}".encode())
        connection.execute(
            "CREATE TABLE docs (id int PRIMARY KEY, at timestamptz NOT NULL, owner int, a bytea, b text, c text)"
        )
        for column in "abc":
            connection.execute(f"ALTER TABLE docs ALTER {column} SET STORAGE EXTERNAL".encode())
        connection.execute(
            "INSERT INTO docs SELECT n, now() - n * interval '20 minutes', n % 3000, NULL, repeat('x', 60)"
            " FROM generate_series(1, 30000) n"
        )
        connection.execute("INSERT INTO docs VALUES (0, now() - interval '500 days', 0)")
        for column in "abc":
            raw = os.urandom(megabytes * 1_000_000 if column == "a" else megabytes * 750_000)
            value = raw if column == "a" else base64.b64encode(raw).decode()
            with connection.cursor(binary=True) as cursor:
                statement = sql.SQL("UPDATE docs SET {} = %b WHERE id = 0").format(sql.Identifier(column))
                cursor.execute(statement, [value])
        connection.execute("CREATE TABLE folded (id int PRIMARY KEY, at timestamptz NOT NULL, body text)")
        connection.execute("SET default_toast_compression = lz4")
        connection.execute(
            "INSERT INTO folded SELECT n, now() - interval '500 days', repeat('golive ', 1285714)"
            " FROM generate_series(1, 300) n"
        )
        connection.execute("VACUUM (ANALYZE)")


@contextmanager
def writing(url: str) -> Iterator[Connection]:
    with session(url, read_only=False, statement_timeout=FOREVER) as connection:
        yield connection


def looked(url: str) -> str:
    answered = []
    with session(url) as connection:
        names = frozenset(row["extname"] for row in rows(connection, "SELECT extname FROM pg_extension"))
        server = Server(connection, names, False)
        for collector in COLLECTORS.values():
            try:
                collector.judge(collector.read(server), Given(NOW, version=server.version))
                answered.append(collector.name)
            except (Lacking, psycopg.Error):
                continue
    return f"{len(answered)} of {len(COLLECTORS)} questions answered"


def listed(url: str) -> str:
    taken = manifest.take(url)["tables"]
    done = sum(one["hash"] is not None or not one["rows"] for one in taken.values())
    return f"{done} of {len(taken)} tables hashed, the rest counted"


def hashed(url: str) -> str:
    """Hash the row itself, whatever the table's size on disk."""
    with writing(url) as connection:
        shadow = Shadow(connection, "docs", "at", quiet)
        connection.execute("CREATE TEMP TABLE golive_none (id int)")
        statement = f"SELECT sum({shadow.hash.as_string()}::numeric) FROM docs t WHERE id = 0"  # noqa: S608
        connection.execute(statement.encode())
    return "hashed by its values, one after the other"


def quiet(_: str) -> None:
    """Nobody listens."""


def plan_of(table: str, folder: str) -> ArchivePlan:
    return ArchivePlan(table=table, by="at", older=timedelta(days=200), to=folder, rest=0)


def archived(url: str, table: str, folder: str) -> str:
    plan = plan_of(table, folder)
    with writing(url) as connection:
        moved = Mover(connection, table, plan, open_cold(plan, table), quiet).run(NOW)
    notes = [note for note in moved.notes if "stay" in note]
    return f"{moved.rows} rows in {moved.files} files{'; ' + notes[0] if notes else ''}"


def asked(url: str, table: str, folder: str, question: str) -> str:
    plan = plan_of(table, folder)
    with session(url, statement_timeout=FOREVER) as connection:
        return ask(connection, plan, open_cold(plan, table), question, "CSV").strip()


def back(url: str, table: str, folder: str) -> str:
    plan = plan_of(table, folder)
    with writing(url) as connection:
        count, files = restore(connection, plan, open_cold(plan, table), BEGINNING, NOW, f"{table}_back")
    return f"{count} rows from {files} files"


def wrapped(url: str) -> str:
    with writing(url) as connection:
        done = wrap(connection, "docs", "at", Every.MONTH, 1, NOW, quiet)
        undo(connection, "docs", quiet)
    return f"converted and taken back; longest lock {done.longest_lock_ms:.0f} ms"


def copied(url: str) -> str:
    with writing(url) as connection:
        done = Shadow(connection, "docs", "at", quiet, rest=0).convert(Every.YEAR, 1, NOW)
    return f"{done.rows} rows copied and proved equal; longest lock {done.longest_lock_ms:.0f} ms"


def advised(url: str, clone: str) -> str:
    wanted = Statement("1", "SELECT * FROM docs WHERE owner = $1", 10_000.0, 10_000.0)
    with session(url, read_only=False) as connection:
        report = advise(connection, [wanted], AdvicePlan(), NOW, clone)
    return f"advised: {', '.join(change.name for change in report.advised) or 'nothing'}"


def dumped(url: str, folder: str, table: str) -> str:
    clean, environment = without_password(url)
    command = [
        str(find_program("pg_dump", "usr/lib/postgresql/*/bin")), "--format=custom", f"--table={table}",
        f"--dbname={clean}", "--compress=0",
    ]  # fmt: skip
    try:
        size = FolderStore(Path(folder)).write("dump", seal(dumped_by(command, {**os.environ, **environment}), "word"))
    except BackupTrouble as error:
        return str(error)[:200]
    finally:
        (Path(folder) / "dump").unlink(missing_ok=True)
    return f"{size / 1e6:.0f} MB"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--megabytes", type=int, default=400, help="of each of the three values")
    chosen = options.parse_args()
    with PostgresServer(settings=SETTINGS) as server, tempfile.TemporaryDirectory() as folder:
        url = server.create_database("acme")
        filled(url, chosen.megabytes)
        size = 3 * chosen.megabytes / 1000
        as_text = size + chosen.megabytes / 1000  # a bytea is twice as long
        print(f"A row of {size:.1f} GB ({as_text:.1f} GB as text) among 30 000 small ones\n\n{HEAD}")
        line(server, "`db look`", lambda: looked(url))
        line(server, "backup manifest", lambda: listed(url))
        line(server, "hash of that row (conversions)", lambda: hashed(url))
        line(server, "`db archive run`", lambda: archived(url, "docs", folder))
        line(server, "`db archive query` of cold rows", lambda: asked(url, "docs", folder, "SELECT count() FROM cold"))
        line(server, "`… query` of all rows", lambda: asked(url, "docs", folder, "SELECT count() FROM everything"))
        line(server, "`db archive restore`", lambda: back(url, "docs", folder))
        line(server, "`db partition convert`, wrap", lambda: wrapped(url))
        clone = server.create_database("copy", template="acme")
        line(server, "`db advise`, proved on a copy", lambda: advised(url, clone))
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute('DROP DATABASE "copy"')
        line(server, "`db partition convert`, copy", lambda: copied(url))
        line(server, "pg_dump of it", lambda: dumped(url, folder, "docs_history"))
        line(server, "`db archive run`, 300 rows of 9 MB", lambda: archived(url, "folded", folder))
        ask_all = "SELECT count(), sum(length(body)) FROM everything"
        line(server, "`db archive query` of these", lambda: asked(url, "folded", folder, ask_all))
        line(server, "`db archive restore` of these", lambda: back(url, "folded", folder))

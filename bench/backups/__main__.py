"""`python -m bench.backups [--seconds 150]`: is what a drill says true, and does each damage convict?

A server under steady writes is backed up into a bucket (moto with checked signatures behind TLS) with beats and WAL as
in production, once a minute. The drill's RPO is compared with the newest row whose WAL the archive held, its RTO with a
`golive db restore` typed by hand. Then `golive db backup now` and its pgBackRest are killed with -9, and a WAL segment,
a file of the backup and an index are damaged, one after the other.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(tempfile.mkdtemp(prefix="golive-bench-backups-"))
ROOT.chmod(0o755)
os.environ["GOLIVE_DATA"] = str(ROOT / "data")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")

import django  # noqa: E402

django.setup()

import psutil  # noqa: E402
import psycopg  # noqa: E402
from django.core.management import call_command  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from golive.people.models import Project  # noqa: E402
from golive.postgres.backups import setup  # noqa: E402
from golive.postgres.backups.beat import beat  # noqa: E402
from golive.postgres.backups.drill import drill, newest  # noqa: E402
from golive.postgres.backups.models import Drill  # noqa: E402
from golive.postgres.backups.run import make_due  # noqa: E402
from golive.postgres.base import Database  # noqa: E402
from golive.postgres.section import DatabaseSection, apply  # noqa: E402
from golive.sandbox.servers import PostgresServer, free_port  # noqa: E402
from tests.postgres.buckets import Bucket, tls_bucket  # noqa: E402

GOLIVE = [str(Path(sys.executable).with_name("golive"))]


@dataclass
class Writer:
    """Inserts rows for as long as it is wanted, and remembers in which WAL file each ended."""

    url: str
    rows: list[tuple[datetime, str]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.stop.wait(0.05):
                connection.execute("INSERT INTO orders (note) VALUES ('new')")
                row = connection.execute(
                    "SELECT clock_timestamp(), pg_walfile_name(pg_current_wal_insert_lsn())"
                ).fetchone()
                if row is not None:
                    self.rows.append((row[0], row[1]))

    def newest_in(self, segment: str) -> datetime:
        """The newest row that a restore from the archive up to this segment brings back."""
        return max((at for at, file in list(self.rows) if file <= segment), default=self.rows[0][0])


def declared(server: PostgresServer, bucket: Bucket) -> tuple[Database, str]:
    """A project whose database is backed up into the bucket."""
    url = server.create_database("shop")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER DATABASE shop SET search_path = public")
        connection.execute("CREATE TABLE public.orders (id bigserial PRIMARY KEY, note text)")
        connection.execute("INSERT INTO public.orders (note) SELECT repeat('n', 80) FROM generate_series(1, 500000)")
    for name, value in (("url", url), ("key", bucket.key), ("secret", bucket.secret)):
        (ROOT / name).write_text(value)
    project = Project.objects.create(slug="shop", name="shop")
    section = {
        "url": f"file:{ROOT}/url",
        "admin": f"file:{ROOT}/url",
        "backup": {
            "enabled": True,
            "folder": str(ROOT / "backups"),
            "smoke": ["SELECT count(*) >= 500000 FROM public.orders"],
            "bucket": {"name": bucket.name, "endpoint": bucket.endpoint, "ca": str(bucket.ca),
                       "key": f"file:{ROOT}/key", "secret": f"file:{ROOT}/secret"},
        },
    }  # fmt: skip
    apply(project.pk, DatabaseSection.model_validate(section), "bench")
    return Database.objects.select_related("project").get(project=project), url


def truth(database: Database, url: str, seconds: float, table: Table) -> None:
    """Writes go on; what the drill says against what is so."""
    writer, stop = Writer(url), threading.Event()

    def beats() -> None:
        while True:
            beat(database, url)
            if stop.wait(60):
                return

    threads = [threading.Thread(target=writer.run, daemon=True), threading.Thread(target=beats, daemon=True)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT last_archived_wal FROM pg_stat_archiver").fetchone()
    held = str(row[0])[:24] if row else ""
    ran = drill(database)
    lost = (ran.began_at - writer.newest_in(held)).total_seconds()
    table.add_row("drill under writes", "proved" if ran.ok else f"FAILED: {ran.reason}", f"{len(ran.proofs)} proofs")
    table.add_row("RPO", f"{ran.rpo_seconds:.1f} s", f"{lost:.1f} s by the newest row whose WAL was archived")
    began, port, to = time.monotonic(), free_port(), ROOT / "by hand"
    words = ["--at", ran.target_at.isoformat(), "--to", str(to), "--port", str(port)] if ran.target_at else []
    done = subprocess.run([*GOLIVE, "db", "restore", *words, "--apply"], capture_output=True, text=True, check=False)
    by_hand = time.monotonic() - began
    table.add_row("RTO", f"{ran.rto_seconds:.1f} s", f"{by_hand:.1f} s by `golive db restore`, exit {done.returncode}")
    table.add_row("phases", "", "; ".join(f"{name} {took:.1f} s" for name, took in ran.phases.items()))
    if done.returncode:
        raise SystemExit(f"{ran.reason}: {done.stdout} {done.stderr}")
    os.kill(int((to / "postmaster.pid").read_text().splitlines()[0]), signal.SIGINT)
    writer.stop.set()
    stop.set()
    for thread in threads:
        thread.join()


def killed(table: Table) -> None:
    """golive in the middle of a backup, then its pgBackRest, by kill -9; each time the next one."""
    for whom in ("golive", "pgbackrest"):
        with subprocess.Popen([*GOLIVE, "db", "backup", "now"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            victim = _pgbackrest(run.pid)
            (psutil.Process(run.pid) if whom == "golive" else victim).send_signal(signal.SIGKILL)
            second = _said("db", "backup", "now")
            run.wait()
        table.add_row(f"{whom} killed with -9", f"exit {run.returncode}", f"the next: {second}")
    table.add_row("status then", "", _said("db", "backup", "status", "--json")[-160:])


def _pgbackrest(golive: int) -> psutil.Process:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in psutil.Process(golive).children(recursive=True):
            if child.name() == "pgbackrest" and "backup" in child.cmdline():
                time.sleep(0.5)
                return child
        time.sleep(0.02)
    raise SystemExit("pgbackrest was never seen")


def _said(*words: str) -> str:
    done = subprocess.run([*GOLIVE, *words], capture_output=True, text=True, check=False)
    return f"exit {done.returncode}: {' '.join((done.stdout + done.stderr).split())[-200:]}"


def damage(database: Database, url: str, bucket: Bucket, table: Table) -> None:
    """Each must be found by the proof that is there for it."""
    with psycopg.connect(url, autocommit=True) as connection:
        twist = "FUNCTION twist(bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS"
        connection.execute(f"CREATE {twist} 'SELECT $1'")
        connection.execute("CREATE INDEX twisted ON public.orders (public.twist(id))")
        connection.execute(f"CREATE OR REPLACE {twist} 'SELECT -$1'")
    database.backups.update(began_at=datetime(2020, 1, 1, tzinfo=UTC))
    make_due(database, datetime.now(UTC))
    _convicts("index logically broken", "amcheck", drill(database), table)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP INDEX twisted")
    database.backups.update(began_at=datetime(2020, 1, 1, tzinfo=UTC))
    make_due(database, datetime.now(UTC))
    _convicts("nothing broken", "", drill(database), table)
    for _ in range(3):
        beat(database, url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SELECT pg_switch_wal()")
        time.sleep(2)
    label = newest(database).label
    segments = sorted(name for name in bucket.names() if "/archive/main/" in name and len(Path(name).name) > 40)
    bucket.remove(segments[-2])
    _convicts("WAL segment missing in the middle", "archive", drill(database), table)
    largest = next(name for name in bucket.names() if f"backup/main/{label}/bundle" in name)
    bucket.rewrite(largest, lambda body: body[: len(body) // 2] + bytes(64) + body[len(body) // 2 + 64 :])
    _convicts("file of the backup corrupted", "restore", drill(database), table)


def _convicts(what: str, wanted: str, ran: Drill, table: Table) -> None:
    wrong = {proof["name"]: proof["detail"] for proof in ran.proofs if proof["ok"] is False}
    outcome = "proved" if ran.ok else ", ".join(wrong)
    good = (wanted in wrong) if wanted else bool(ran.ok)
    detail = next(iter(wrong.values()), "") if not wanted else wrong.get(wanted, "")
    table.add_row(what, f"{outcome}{'' if good else '  NOT FOUND'}", detail[:140])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--only", choices=("truth", "killed", "damage"))
    chosen = parser.parse_args()
    call_command("migrate", verbosity=0)
    folder = ROOT / "service"
    folder.mkdir(mode=0o755)
    table = Table("what", "golive says", "and it is")
    with tls_bucket("backups", folder) as bucket, PostgresServer(ROOT / "server", archive=True) as server:
        database, url = declared(server, bucket)
        setup.apply(database)
        began = time.monotonic()
        made = make_due(database, datetime.now(UTC))
        size = made.size_bytes or 0 if made else 0
        table.add_row("first full backup", f"{size / 1e6:.1f} MB", f"{time.monotonic() - began:.1f} s")
        if chosen.only in (None, "truth"):
            truth(database, url, chosen.seconds, table)
        if chosen.only in (None, "killed"):
            killed(table)
        if chosen.only in (None, "damage"):
            damage(database, url, bucket, table)
    Console(width=150).print(table)


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(ROOT, ignore_errors=True)

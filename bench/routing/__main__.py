"""`python -m bench.routing [--seconds 6]`: reads moved, own writes seen, deaths survived.

Throughput of reads with 0, 1 and 2 replicas on this machine (which has to have cores for them to gain anything), then
writers under a random recovery_min_apply_delay who read their own rows at once, then replicas and the primary killed
with -9 under readers.
"""

import argparse
import itertools
import logging
import random
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from golive_client.routing.choose import PRIMARY
from golive_client.routing.pool import RoutedPool
from golive_client.routing.scope import scope
from rich.console import Console
from rich.table import Table

from golive.postgres.replicas import make
from golive.sandbox.servers import PostgresServer, free_port

VERSION = 15
READ = "SELECT sum(n) FROM item WHERE owner = %s"
SETTINGS = {"wal_level": "replica", "max_wal_senders": "8", "max_replication_slots": "8"}


def readers(pool: RoutedPool, seconds: float, count: int = 4) -> tuple[float, float, int]:
    """Reads a second, the share that replicas answered, and how many failed."""
    where: Counter[str] = Counter()
    failures = 0
    stop = time.monotonic() + seconds

    def work() -> None:
        nonlocal failures
        while time.monotonic() < stop:
            try:
                with scope() as mine:
                    pool.read(READ, [random.randrange(1000)])
                    where[mine.choices[-1]] += 1
            except Exception:
                failures += 1

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = sum(where.values())
    return total / seconds, (total - where[PRIMARY]) / max(total, 1), failures


def own_writes(pool: RoutedPool, replicas: dict[str, str], seconds: float) -> tuple[int, int, float]:
    """Checks made, violations seen, and the share of these reads that a replica answered."""
    stop, checks, wrong, moved = time.monotonic() + seconds, 0, 0, 0

    def delays() -> None:
        while time.monotonic() < stop:
            for url in replicas.values():
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(
                        f"ALTER SYSTEM SET recovery_min_apply_delay = {random.choice((0, 20, 200, 800))}"
                    )
                    connection.execute("SELECT pg_reload_conf()")
            time.sleep(0.5)

    def work(owner: int) -> None:
        nonlocal checks, wrong, moved
        token, written = "", 0
        while time.monotonic() < stop:
            with scope(token) as mine:
                with pool.write() as connection:
                    connection.execute("INSERT INTO item (owner, n) VALUES (%s, 1)", [owner])
                written, token = written + 1, str(mine.token)
            for _ in range(6):
                with scope(token) as later:
                    seen = pool.read("SELECT count(*) FROM item WHERE owner = %s", [owner])[0][0]
                    checks, wrong, moved = checks + 1, wrong + (seen != written), moved + (later.choices[-1] != PRIMARY)
                time.sleep(random.random() * 0.2)

    threads = [threading.Thread(target=delays), *(threading.Thread(target=work, args=(-n,)) for n in range(1, 5))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return checks, wrong, moved / max(checks, 1)


@dataclass
class Seen:
    """Reads while something died: when each ended (seconds after the blow), how long it took, who answered."""

    reads: list[tuple[float, float, str]]
    failed: list[str]

    def line(self, what: str, away: str) -> str:
        after = sorted(one for one in self.reads if one[0] >= 0)
        elsewhere = next((at for at, _, who in after if who != away), None)
        ends = [at for at, *_ in after]
        gap = max((later - sooner for sooner, later in itertools.pairwise([0.0, *ends])), default=0.0)
        slowest = max((took for _, took, _ in after), default=0.0)
        moved = f"{elsewhere * 1000:.0f} ms" if elsewhere is not None else "never"
        share = Counter(who for _, _, who in after[-200:])
        return (
            f"| {what} | {len(self.reads)} | {len(self.failed)} | {moved} | {gap * 1000:.0f} ms "
            f"| {slowest * 1000:.0f} ms | {', '.join(sorted(share))} |"
        )


def under_blow(pool: RoutedPool, blow: Callable[[], None], seconds: float = 5.0) -> Seen:
    """Four readers, strangers to all writes; two seconds in, the blow falls."""
    seen = Seen([], [])
    stop, fell = time.monotonic() + seconds, time.monotonic() + 2

    def work() -> None:
        while time.monotonic() < stop:
            began = time.monotonic()
            try:
                with scope() as mine:
                    pool.read(READ, [1])
                    ended = time.monotonic()
                    seen.reads.append((ended - fell, ended - began, mine.choices[-1]))
            except Exception as error:
                seen.failed.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(max(0.0, fell - time.monotonic()))
    blow()
    for thread in threads:
        thread.join()
    return seen


def slaughter(folder: Path) -> None:
    """kill -9 of a server and all its children, its postmaster first."""
    parent = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
    for process in [parent, *parent.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def deaths(primary: PostgresServer, url: str, wishes: list[make.Wish], replicas: dict[str, str]) -> None:
    """kill -9 of one replica of two, of the last one, and of the primary."""
    print("\n| killed with -9 under four readers | reads | failed | answered elsewhere after | longest pause of all "
          "| slowest read | then answered by |\n|---|--:|--:|--:|--:|--:|---|")  # fmt: skip
    pool = RoutedPool(url, replicas, every_seconds=0.2)
    try:
        time.sleep(2)
        print(under_blow(pool, lambda: slaughter(wishes[0].folder)).line("one replica of two", "r1"), flush=True)
        print(under_blow(pool, lambda: slaughter(wishes[1].folder)).line("the last replica", "r2"), flush=True)
        for wish in wishes:
            make.start(wish.folder, VERSION)
        time.sleep(4)
        seen = under_blow(pool, primary.kill)
        print(seen.line("the primary (reads of those who wrote nothing)", PRIMARY), flush=True)
        began = time.monotonic()
        try:
            with scope(), pool.write() as connection:
                connection.execute("INSERT INTO item (owner, n) VALUES (0, 0)")
            said = "it was accepted"
        except Exception as error:
            said = f"{type(error).__name__} after {time.monotonic() - began:.1f} s"
        print(f"\nA write while the primary is dead: {said}.")
        primary.start()
        began = time.monotonic()
        while True:
            try:
                with scope(), pool.write() as connection:
                    connection.execute("INSERT INTO item (owner, n) VALUES (0, 0)")
                break
            except Exception:
                time.sleep(0.05)
        print(f"The first write succeeded {time.monotonic() - began:.1f} s after it was back.")
    finally:
        pool.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=6)
    chosen = options.parse_args()
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # it tells of each try on the dead replica
    root = Path(tempfile.mkdtemp(prefix="golive-bench-routing-"))
    root.chmod(0o755)
    table = Table("replicas", "reads/s", "moved", "failed", title="bench/routing")
    wishes: list[make.Wish] = []
    with PostgresServer(settings=SETTINGS) as primary:
        url = primary.create_database("acme")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE item (id bigserial PRIMARY KEY, owner int, n int)")
            connection.execute("INSERT INTO item (owner, n) SELECT n % 1000, n FROM generate_series(1, 100000) AS n")
            connection.execute("CREATE INDEX ON item (owner)")
            connection.execute("ANALYZE")
        replicas: dict[str, str] = {}
        try:
            for count in (0, 1, 2):
                if count:
                    wish = make.Wish(f"r{count}", root / f"r{count}", free_port(), url)
                    replicas[wish.name] = make.make(wish)
                    wishes.append(wish)
                pool = RoutedPool(url, replicas, every_seconds=0.2)
                time.sleep(2)
                rate, share, failed = readers(pool, chosen.seconds)
                table.add_row(str(count), f"{rate:,.0f}".replace(",", " "), f"{share * 100:.0f} %", str(failed))
                pool.close()
            Console().print(table)
            pool = RoutedPool(url, replicas, every_seconds=0.2)
            time.sleep(2)
            checks, wrong, moved = own_writes(pool, replicas, chosen.seconds * 3)
            print(f"own writes under random delay: {checks} reads, {wrong} violations, {moved * 100:.0f} % on replicas")
            pool.close()
            deaths(primary, url, wishes, replicas)
        finally:
            for wish in wishes:
                make.remove(wish)
            shutil.rmtree(root)


if __name__ == "__main__":
    main()

"""`python -m bench.pool [--clients 50 100 500 2000] [--seconds 10]`: the same load with and without a pool.

pgbench's select-only load, each client a connection, against a server of 100 connections, against one whose
max_connections was raised for all of them, and through the PgBouncer that golive configures.
"""

import argparse
import re
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import psutil
from psycopg.conninfo import conninfo_to_dict
from rich.console import Console
from rich.table import Table

from golive.postgres.pool import config
from golive.postgres.pool.process import Pool, version
from golive.postgres.pool.size import Measured, size
from golive.sandbox.servers import PostgresServer, find_program, free_port

FOLDERS = "usr/lib/postgresql/*/bin"


def pgbench(url: str, clients: int, seconds: int) -> tuple[float | None, float | None, str]:
    """Transactions a second, latency in ms, and what it said when it failed."""
    command = [
        str(find_program("pgbench", FOLDERS)), "-n", "-S", "-M", "simple", "-c", str(clients), "-j", "2",
        "-t", str(max(20, seconds * 15_000 // clients)), url,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds * 20 + 60)
    except subprocess.TimeoutExpired:
        return None, None, "did not end"
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    latency = re.search(r"latency average = ([\d.]+)", done.stdout)
    if done.returncode or not rate or not latency:
        words = [line for line in done.stderr.splitlines() if "FATAL" in line or "error" in line]
        return None, None, words[0].rpartition("FATAL:")[2].strip()[:60] if words else f"exit code {done.returncode}"
    return float(rate[1]), float(latency[1]), ""


def memory(server: PostgresServer) -> float:
    """Private memory of the server's processes, in MB."""
    family = psutil.Process(server.pid or 0).children(recursive=True)
    total = 0.0
    for process in family:
        try:
            total += process.memory_full_info().uss
        except psutil.Error:
            continue
    return total / 1e6


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clients", type=int, nargs="+", default=[50, 100, 500, 2000])
    options.add_argument("--seconds", type=int, default=10)
    chosen = options.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    table = Table("clients", "server of 100", "server of 2 100", "pooled (golive)", "connections", title="bench/pool")
    with PostgresServer(max_connections=100) as small, PostgresServer(max_connections=2100) as large:
        for server in (small, large):
            subprocess.run(
                [str(find_program("pgbench", FOLDERS)), "-i", "-q", "-s", "5", server.url()],
                check=True,
                capture_output=True,
            )
        pool, url, connections = pooled(small)
        try:
            for clients in chosen.clients:
                cells = [said(*pgbench(place, clients, chosen.seconds)) for place in (small.url(), large.url(), url)]
                table.add_row(str(clients), *cells, str(connections))
                Console().print(clients, *cells, sep=" | ")
        finally:
            pool.stop()
            shutil.rmtree(pool.folder)
    Console().print(table)


def pooled(server: PostgresServer) -> tuple[Pool, str, int]:
    """golive's pool before a server."""
    folder = Path(tempfile.mkdtemp(prefix="golive-bench-pool-"))
    reckoned, port = size(Measured(100, 3, cores=psutil.cpu_count())), free_port()
    parts = conninfo_to_dict(server.url())
    upstream = config.Upstream(str(parts["host"]), int(parts["port"] or 0), "postgres")
    ini = config.ini(upstream, reckoned, folder, host="127.0.0.1", port=port, max_clients=2100, version=version())
    pool = Pool(folder)
    pool.write({"pgbouncer.ini": ini, "userlist.txt": config.userlist({server.user: server.password})})
    pool.ensure(changed=False)
    return pool, server.url().replace(f":{server.port}/", f":{port}/"), reckoned.in_all


def said(rate: float | None, latency: float | None, trouble: str) -> str:
    return trouble if rate is None else f"{rate:,.0f}/s, {latency:.1f} ms".replace(",", " ")


if __name__ == "__main__":
    main()

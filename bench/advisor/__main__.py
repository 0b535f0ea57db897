"""Measure the advisor and print Markdown tables.

python -m bench.advisor tpch [--scale 1] [--budgets 200 500 1000]
python -m bench.advisor acme [--rows 10000000] [--budgets 100 400 1600]

With --folder the data are kept: load once with --load, measure as often as you like.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from bench.advisor import acme, saas, tpch
from bench.advisor.extend import Extend
from golive.postgres.advice import access, arguments
from golive.postgres.advice import catalog as catalogs
from golive.postgres.advice.choose import Terms
from golive.postgres.advice.search import search
from golive.postgres.advice.whatif import WhatIf
from golive.postgres.advice.workload import Query, Statement
from golive.sandbox.servers import PostgresServer

SETTINGS = {
    "shared_buffers": "1GB", "work_mem": "64MB", "maintenance_work_mem": "512MB", "max_wal_size": "8GB",
    "max_parallel_workers_per_gather": "0", "jit": "off",
}  # fmt: skip


def queries(workload: Sequence[tuple[float, str]], catalog: catalogs.Catalog) -> list[Query]:
    found = []
    for number, (calls, text) in enumerate(workload):
        reading = access.read(text, catalog)
        statement = Statement(str(number), text, calls, calls, calls)
        found.append(Query(statement, reading, arguments.samples(text, reading)))
    return found


def on_tpch(connection: Connection[Any], budgets: Sequence[int]) -> None:
    catalog = catalogs.read(connection)
    workload = queries([(1.0, text) for text in tpch.QUERIES.values()], catalog)
    base = Extend(WhatIf(connection), catalog, workload).cost(frozenset())
    print("| budget | Extend-style | its plans, time | golive | its plans, time | indexes | gap |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for budget in budgets:
        whatif = WhatIf(connection)
        whatif.reset()
        began = time.monotonic()
        _, theirs = Extend(whatif, catalog, workload).run(budget << 20)
        took, plans = time.monotonic() - began, whatif.explains
        whatif.reset()
        began = time.monotonic()
        ours = search(connection, workload, catalog, Terms(budget << 20), beside=True)
        print(
            f"| {budget} MB | {theirs / base:.2%} | {plans}, {took:.0f} s | {ours.after / base:.2%} | "
            f"{ours.explains}, {time.monotonic() - began:.0f} s | {len(ours.adds)} | {ours.choice.gap or 0:.2%} |",
            flush=True,
        )


def on_acme(server: PostgresServer, budgets: Sequence[int], *, with_small: bool) -> None:
    with psycopg.connect(server.url("acme"), autocommit=True) as connection:
        catalog = catalogs.read(connection)
    workload = queries(acme.WORKLOAD, catalog)
    lines = []
    for budget in budgets:
        lines.append(saas.line(server, workload, catalog, budget << 20))
        print(saas.HEAD, *lines, sep="\n", flush=True)
    if with_small:
        with psycopg.connect(server.url("acme"), autocommit=True) as connection:
            print(saas.small(connection, catalog, [queries(pair, catalog) for pair in saas.pairs()]))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("what", choices=["tpch", "acme"])
    options.add_argument("--scale", type=float, default=1)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--budgets", type=int, nargs="*")
    options.add_argument("--folder", type=Path, help="keep the server's data here, and use what was loaded before")
    options.add_argument("--load", action="store_true", help="load only, to measure later from --folder")
    options.add_argument("--small", choices=["no", "also", "only"], default="also", help="acme's small cases")
    chosen = options.parse_args()
    with PostgresServer(chosen.folder, settings=SETTINGS) as server:
        if chosen.what not in server.databases():
            url = server.create_database(chosen.what)
            if chosen.what == "tpch":
                with tempfile.TemporaryDirectory() as folder:
                    tpch.load(url, chosen.scale, Path(folder))
            else:
                acme.load(url, chosen.rows)
        if chosen.load:
            return
        if chosen.what == "tpch":
            with psycopg.connect(server.url("tpch"), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION IF NOT EXISTS hypopg")
                on_tpch(connection, chosen.budgets or [200, 500, 1000])
        else:
            budgets = [] if chosen.small == "only" else chosen.budgets or [100, 400, 1600]
            on_acme(server, budgets, with_small=chosen.small != "no")


if __name__ == "__main__":
    main()

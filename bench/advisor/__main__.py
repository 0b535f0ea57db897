"""Measure the advisor and print Markdown tables.

python -m bench.advisor tpch [--scale 1] [--budgets 200 500 1000]
python -m bench.advisor acme [--rows 10000000] [--budgets 50 200 800]
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from bench.advisor import acme, tpch
from bench.advisor.extend import Extend
from golive.postgres.advice import access, arguments
from golive.postgres.advice import catalog as catalogs
from golive.postgres.advice.choose import Terms, grow, total
from golive.postgres.advice.prove import prove
from golive.postgres.advice.search import search
from golive.postgres.advice.verdict import Verdict
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
            f"| {budget} MB | {theirs / base:.1%} | {plans}, {took:.0f} s | {ours.after / base:.1%} | "
            f"{ours.explains}, {time.monotonic() - began:.0f} s | {len(ours.adds)} | {ours.choice.gap or 0:.2%} |",
            flush=True,
        )


def on_acme(server: PostgresServer, connection: Connection[Any], budgets: Sequence[int]) -> None:
    catalog = catalogs.read(connection)
    workload = queries(acme.WORKLOAD, catalog)
    print("| budget | estimated: greedy | golive | measured | indexes | slower > 10 % | refused | advisor | proof |\n"
          "|--:|--:|--:|--:|--:|--:|--:|--:|--:|")  # fmt: skip
    for budget in budgets:
        WhatIf(connection).reset()
        began = time.monotonic()
        found = search(connection, workload, catalog, Terms(budget << 20))
        took = time.monotonic() - began
        greedy = grow(found.rows, found.options, Terms(budget << 20))
        connection.close()  # a database in use cannot be copied
        copy = server.create_database(f"proof{budget}", template="acme")
        with psycopg.connect(copy, autocommit=True) as clone:
            began = time.monotonic()
            proof = prove(clone, workload, [option.candidate for option in found.adds if option.candidate])
            proved = time.monotonic() - began
        before = sum(one.weight * one.judgement.before_ms for one in proof.trials)
        after = sum(one.weight * one.judgement.after_ms for one in proof.trials)
        slower = sum(one.judgement.verdict is Verdict.SLOWER for one in proof.trials)
        print(
            f"| {budget} MB | {greedy.cost / found.before:.1%} | {found.after / found.before:.1%} "
            f"| {after / before:.1%} | {len(proof.kept)} | {slower} | {len(proof.refused)} | {took:.1f} s "
            f"| {proved:.0f} s |",
            flush=True,
        )
        connection = psycopg.connect(server.url("acme"), autocommit=True)
    small(connection, catalog)
    connection.close()


def small(connection: Connection[Any], catalog: catalogs.Catalog) -> None:
    """Small cases, where every set of candidates can be tried over the same matrix."""
    better = cases = greedy_worse = 0
    for pair in itertools.combinations(acme.WORKLOAD[:10], 2):
        WhatIf(connection).reset()
        found = search(connection, queries(pair, catalog), catalog, Terms(60 << 20))
        useful = sorted({name for row in found.rows for atom in row.atoms for name in atom.options})[:12]
        sizes = {option.name: option.size_bytes for option in found.options}
        sets = (
            frozenset(chosen)
            for count in range(len(useful) + 1)
            for chosen in itertools.combinations(useful, count)
            if sum(sizes[name] for name in chosen) <= 60 << 20
        )
        least = min(total(found.rows, found.options, chosen) for chosen in sets)
        cases += 1
        better += total(found.rows, found.options, found.choice.options) <= least * 1.0001
        greedy_worse += grow(found.rows, found.options, Terms(60 << 20)).cost > least * 1.001
    print(f"\nSmall cases: {better} of {cases} as good as trying every set; greedy is worse in {greedy_worse}.")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("what", choices=["tpch", "acme"])
    options.add_argument("--scale", type=float, default=1)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--budgets", type=int, nargs="*")
    chosen = options.parse_args()
    with PostgresServer(settings=SETTINGS) as server:
        url = server.create_database(chosen.what)
        if chosen.what == "tpch":
            with tempfile.TemporaryDirectory() as folder:
                tpch.load(url, chosen.scale, Path(folder))
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE EXTENSION hypopg")
                on_tpch(connection, chosen.budgets or [200, 500, 1000])
        else:
            acme.load(url, chosen.rows)
            on_acme(server, psycopg.connect(url, autocommit=True), chosen.budgets or [50, 200, 800])


if __name__ == "__main__":
    main()

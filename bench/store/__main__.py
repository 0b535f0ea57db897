"""`python -m bench.store [--rows 100000] [--queries 200]`."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.store.work import QUERIES, ROUNDS, lines, measure
from golive.telemetry import store


def through_the_store(data: Path, rows: int, queries: int) -> dict[str, tuple[float, float]]:
    os.environ["GOLIVE_DATA"] = str(data)
    process = subprocess.Popen([sys.executable, "-m", "golive.telemetry.server"], stderr=subprocess.DEVNULL)
    try:
        while not (data / "run" / "store.json").exists():
            time.sleep(0.05)
        writer, body = store.connect(write=True), lines(rows)
        found = {
            "insert": measure(
                process.pid, lambda: writer.raw_insert("logs", insert_block=body, fmt="JSONEachRow"), ROUNDS
            )
        }
        for name, sql in QUERIES.items():
            found[name] = measure(process.pid, lambda sql=sql: store.rows(sql), queries)  # type: ignore[misc]
        return found
    finally:
        process.terminate()
        process.wait(30)


def engine_alone(data: Path, rows: int, queries: int) -> dict[str, tuple[float, float]]:
    """The same on the engine inside a process of its own."""
    command = [sys.executable, "-m", "bench.store.engine", str(data), str(rows), str(queries)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return {name: (wall, cpu) for name, (wall, cpu) in json.loads(answer).items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_alone(Path(folder) / "engine", options.rows, options.queries)
        through = through_the_store(Path(folder) / "store", options.rows, options.queries)
    table = Table(
        title=f"The store next to its engine: {options.rows} rows an insert, {options.queries} queries of a kind"
    )
    for heading in ("", "engine ms", "store ms", "wall ratio", "engine CPU ms", "store CPU ms", "CPU ratio"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, (wall, cpu) in through.items():
        alone_wall, alone_cpu = engine[name]
        table.add_row(
            *(name, f"{alone_wall:.2f}", f"{wall:.2f}", f"{wall / alone_wall:.2f}"),
            *(f"{alone_cpu:.2f}", f"{cpu:.2f}", f"{cpu / alone_cpu:.2f}" if alone_cpu else "-"),
        )
    Console().print(table)


if __name__ == "__main__":
    main()

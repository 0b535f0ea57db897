"""The engine's own limit: the same bytes into the same schema in a chdb process of its own, nothing else around it.

`python -m bench.ingest.engine FOLDER` prints one line of JSON for each batch size.
"""

import json
import resource
import sys
import time
from pathlib import Path

import chdb

from bench.ingest.sample import RECORDS, TEMPLATES, templates
from golive.ingest.keep import STREAMS, framed
from golive.telemetry.migrate import steps

BATCHES = (1_000, 5_000, 25_000, 100_000, 300_000)
RECORDS_EACH = {1_000: 40_000, 5_000: 200_000, 25_000: 400_000, 100_000: 600_000, 300_000: 600_000}


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def insert(connection: "chdb.session.Session", body: bytes, token: str) -> None:
    stream = STREAMS["logs"]
    settings = {
        **stream.settings,
        "insert_deduplicate": 1,
        "insert_deduplication_token": token,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
        "max_insert_block_size": 100_000_000,
    }
    quoted = ", ".join(
        f"{name} = {value}" if isinstance(value, int) else "{} = '{}'".format(name, value.replace("'", "\\'"))
        for name, value in settings.items()
    )
    sender = connection.send_insert(f"INSERT INTO {stream.table} SETTINGS {quoted}", stream.format)
    sender.append(body)
    sender.finish()


def main(folder: str) -> None:
    connection = chdb.connect(str(Path(folder) / "engine"))
    connection.query("CREATE DATABASE golive")
    connection.query("USE golive")
    for step in steps():
        for statement in step.statements:
            connection.query(statement)
    now_ms = time.time_ns() // 1_000_000
    bodies = [framed(body, "acme", now_ms, b"marker") for body in templates()]
    insert(connection, b"".join(bodies[:5]), "warm")
    for batch in BATCHES:
        requests, count = batch // RECORDS, RECORDS_EACH[batch] // batch
        began, cpu = time.monotonic(), cpu_seconds()
        for number in range(count):
            body = b"".join(bodies[(number * requests + place) % TEMPLATES] for place in range(requests))
            insert(connection, body, f"{batch}-{number}")
        used, seconds = cpu_seconds() - cpu, time.monotonic() - began
        rate = batch * count / used
        print(json.dumps({"batch": batch, "rate": rate, "wall": batch * count / seconds}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

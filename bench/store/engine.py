"""The same work on the engine itself, without HTTP, client or limits between."""

import json
import os
import sys
from pathlib import Path

from bench.store.work import INSERT, QUERIES, ROUNDS, lines, measure
from golive.telemetry.address import DATABASE
from golive.telemetry.engine import Engine, Query
from golive.telemetry.limits import own_settings, reader_settings
from golive.telemetry.versions import CREATE_DATABASE, apply, steps


def run(data: Path, rows: int, queries: int) -> dict[str, tuple[float, float]]:
    """Wall and CPU milliseconds by kind of work."""
    engine = Engine(data, 2_000_000_000)
    engine.write(Query(CREATE_DATABASE))

    def own(sql: str) -> bytes:
        return bytes(engine.write(Query(sql, database=DATABASE, settings=own_settings())).data)

    apply(own, lambda sql: own(sql).decode().split(), steps())
    body, into = lines(rows), Query(INSERT, format="JSONEachRow", database=DATABASE)
    found = {"insert": measure(os.getpid(), lambda: engine.insert(into, [body]), ROUNDS)}
    for name, sql in QUERIES.items():
        query = Query(sql, "Native", database=DATABASE, settings=reader_settings({}))
        found[name] = measure(os.getpid(), lambda query=query: engine.read(query), queries)  # type: ignore[misc]
    engine.close()
    return found


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))

"""N+1 as the application's traces show it: the same statement many times within one request."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from golive.kit.named import queries
from golive.postgres.advice.traps import Repetition
from golive.postgres.advice.workload import Statement, shape
from golive.telemetry import store

SQL = queries(Path(__file__).with_name("traces.sql"))
WINDOW = timedelta(days=1)
LEAST_TIMES, LEAST_REQUESTS = 5, 3
NOWHERE = "a request"


def seen(project: str, now: datetime) -> list[tuple[str, Repetition]]:
    """Texts as the drivers' spans have them, and how they repeat. Raises StoreError."""
    found = store.rows(
        SQL["repetitions"],
        project=project,
        since_ms=int((now - WINDOW).timestamp() * 1000),
        least=LEAST_TIMES,
        requests=LEAST_REQUESTS,
    )
    return [(row["text"], Repetition(row["route"] or NOWHERE, float(row["per_request"]))) for row in found]


def matched(statements: Iterable[Statement], known: Sequence[tuple[str, Repetition]]) -> dict[str, Repetition]:
    """By the statement's key: drivers write parameters as %s, ? or :name where the server has $1; shapes compare."""
    by_shape: dict[str, Repetition] = {}
    for text, repetition in known:  # the most frequent first
        by_shape.setdefault(shape(text), repetition)
    return {one.key: by_shape[found] for one in statements if (found := shape(one.text)) in by_shape}

"""What is measured beside the answers: PostgreSQL and processors each second, and afterwards what telemetry says."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import psutil
import psycopg

from golive.kit.named import queries
from golive.pipelines.load.cause import Database, Evidence
from golive.pipelines.load.climb import Level
from golive.releases.databases import plain
from golive.telemetry import store

QUERIES = queries(Path(__file__).with_name("queries.sql"))
QUICK = timedelta(seconds=5)
_ACTIVITY = """
SELECT count(*),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
       count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'Lock'),
       count(*) FILTER (WHERE state = 'active')
FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@dataclass
class Watch:
    """Samples while users come and go; `of` gives what was seen in a span of time."""

    database: str = ""
    here: bool = False
    idle: float | None = None
    samples: list[tuple[float, Database | None, float | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="load watch", daemon=True)

    def __enter__(self) -> "Watch":
        if self.here:
            self.idle = psutil.cpu_percent(2.0) / 100
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)

    def _look_on(self) -> None:
        while not self._over.wait(1.0):
            processors = psutil.cpu_percent() / 100 if self.here else None
            self.samples.append((time.time(), self._activity(), processors))

    def _activity(self) -> Database | None:
        if not self.database:
            return None
        try:
            with psycopg.connect(plain(self.database), connect_timeout=3, autocommit=True) as connection:
                found = connection.execute(_ACTIVITY).fetchone()
        except psycopg.OperationalError as error:
            full = "too many" in str(error) or "slots" in str(error)
            return Database(connections=1, allowed=1) if full else None
        assert found is not None  # noqa: S101 (a count is always there)
        connections, allowed, waiting, active = found
        return Database(connections, allowed, waiting, active)

    def of(self, since: float, until: float) -> tuple[Database | None, float | None]:
        """The most of each that was seen of the database, and the processors' mean."""
        inside = [one for one in self.samples if since <= one[0] <= until + 1]
        bases = [base for _, base, _ in inside if base is not None]
        loads = [load for _, _, load in inside if load is not None]
        worst = max(bases, key=lambda one: (one.waiting_for_locks, one.connections), default=None)
        if worst is not None:
            worst = replace(worst, connections=max(one.connections for one in bases))
        return worst, sum(loads) / len(loads) if loads else None


def evidence(project: str, environment: str, level: Level, since: float, until: float, watch: Watch) -> Evidence:
    """Everything known of the time when a target was broken."""
    base, processors = watch.of(since, until)
    errors, pools = _telemetry(project, environment, since, until)
    return Evidence(
        errors=errors,
        pools=pools,
        database=base,
        processors=processors,
        idle=watch.idle,
        generator=level.generator / (psutil.cpu_count() or 1),
        statuses=level.statuses,
        messages=level.messages,
    )


def _telemetry(
    project: str, environment: str, since: float, until: float
) -> tuple[Mapping[str, int], Mapping[str, tuple[float, float]]]:
    """Errors and pools; empty when the store is away: then they are not known."""
    asked = {"project": project, "environment": environment}
    asked |= {"since_ms": str(int(since * 1000)), "until_ms": str(int((until + 15) * 1000))}
    try:
        said = [
            *store.rows(QUERIES["errors"], time_limit=QUICK, **asked),
            *store.rows(QUERIES["logs"], time_limit=QUICK, **asked),
        ]
        pools = store.rows(QUERIES["pools"], time_limit=QUICK, **asked)
    except store.StoreError:
        return {}, {}
    errors = {str(row["said"]): int(row["events"]) for row in said}
    return errors, {str(row["pool"] or "the pool"): (float(row["used"]), float(row["most"])) for row in pools}

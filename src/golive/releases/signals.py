"""What requests a release served, from two places: the front's own log, which needs no help, and telemetry."""

import contextlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from golive.errors.models import ErrorGroup
from golive.kit.named import queries
from golive.releases.models import Deploy
from golive.releases.verdict import Traffic
from golive.telemetry import store
from golive.telemetry.instants import milliseconds

QUERIES = queries(Path(__file__).parent / "queries.sql")
LOOK_BACK = timedelta(minutes=10)
LOOK_BACK_BYTES = 4_000_000
QUICK = timedelta(seconds=2)
NEW_ERROR_EVENTS = 2
_NUMBERS = re.compile(r"/(?:\d+|[0-9a-f]{8,}(?:-[0-9a-f]+)*)(?=/|$)")


@dataclass(frozen=True)
class Request:
    """A request as the front saw it; `began` in seconds since 1970."""

    began: float
    took_ms: float
    status: int
    route: str
    slot: int | None


class FrontLog:
    """Reads the front's log as it grows, for some hosts, without the requests that golive makes itself."""

    def __init__(self, path: Path, hosts: Iterable[str], own: str) -> None:
        self.path, self.hosts, self.own = path, frozenset(hosts), own
        self.found: list[Request] = []
        with contextlib.suppress(OSError):
            self._offset = max(0, path.stat().st_size - LOOK_BACK_BYTES)
            self._file = path.stat().st_ino
            return
        self._offset = self._file = 0

    def read(self) -> Sequence[Request]:
        """All requests known so far, with what has come since the last call."""
        with contextlib.suppress(OSError), self.path.open("rb") as log:
            status = os.fstat(log.fileno())
            if status.st_ino != self._file or status.st_size < self._offset:
                self._offset, self._file = 0, status.st_ino
            log.seek(self._offset)
            chunk = log.read()
            whole = chunk.rfind(b"\n") + 1
            self._offset += whole
            self.found += [request for line in chunk[:whole].splitlines() if (request := self._parse(line))]
        return self.found

    def _parse(self, line: bytes) -> Request | None:
        try:
            row = orjson.loads(line)
            asked = row["request"]
            host, path = asked["host"].rpartition(":")[0] or asked["host"], asked["uri"]
            if host not in self.hosts or path == self.own:
                return None
            took = float(row["duration"])
            slot = str(row.get("slot", "")).rpartition("/")[2]
            return Request(
                row["ts"] / 1000 - took, took * 1000, int(row["status"]), _route(asked["method"], path),
                int(slot) if slot.isdigit() else None,
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


def _route(method: str, path: str) -> str:
    return f"{method} {_NUMBERS.sub('/:id', path)}"


def traffic(requests: Iterable[Request]) -> Traffic:
    """Requests summed up."""
    times: list[float] = []
    routes: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    failures = 0
    for one in requests:
        failed = one.status >= 500 or one.status == 0
        failures += failed
        times.append(one.took_ms)
        counts = routes[one.route]
        counts[0] += 1
        counts[1] += failed
    times.sort()
    p95 = times[min(len(times) - 1, int(len(times) * 0.95))] if times else None
    return Traffic(len(times), failures, p95, {route: (a, b) for route, (a, b) in routes.items()})


def front(log: FrontLog, switched_at: datetime) -> tuple[Traffic, Traffic]:
    """The old release's requests before the switch and the new one's since."""
    at = switched_at.timestamp()
    since = at - LOOK_BACK.total_seconds()
    requests = log.read()
    return traffic(r for r in requests if since <= r.began < at), traffic(r for r in requests if r.began >= at)


def canary(log: FrontLog, since: datetime, slots: frozenset[int]) -> tuple[Traffic, Traffic]:
    """Side by side: the requests through the old release's slots and through the canary's."""
    requests = [r for r in log.read() if r.began >= since.timestamp()]
    return traffic(r for r in requests if r.slot not in slots), traffic(r for r in requests if r.slot in slots)


def telemetry(deploy: Deploy, switched_at: datetime) -> tuple[Traffic, Traffic] | None:
    """The same from spans, by release; None when the store does not answer or knows nothing of the new release."""
    old = deploy.previous.release.name if deploy.previous else ""
    where = {"project": deploy.environment.project.slug, "environment": deploy.environment.name}
    try:
        rows = store.rows(
            QUERIES["traffic"],
            time_limit=QUICK,
            **where,
            old=old,
            new=deploy.release.name,
            before_ms=milliseconds(switched_at - LOOK_BACK),
            since_ms=milliseconds(switched_at),
        )
    except store.StoreError:
        return None
    found = {release: [row for row in rows if row["release"] == release] for release in (old, deploy.release.name)}
    return (_summed(found[old]), _summed(found[deploy.release.name])) if found[deploy.release.name] else None


def _summed(rows: Sequence[dict[str, object]]) -> Traffic:
    whole = next((row for row in rows if row["whole"]), None)
    if whole is None:
        return Traffic()
    routes = {str(row["route"]): (_int(row["requests"]), _int(row["failures"])) for row in rows if not row["whole"]}
    return Traffic(_int(whole["requests"]), _int(whole["failures"]), float(str(whole["p95_ms"])), routes)


def _int(value: object) -> int:
    return int(str(value))


def new_errors(deploy: Deploy, switched_at: datetime) -> list[str]:
    """Kinds of error that this release raises and nobody has seen before; empty when the store does not answer."""
    project = deploy.environment.project
    try:
        rows = store.rows(
            QUERIES["new_errors"],
            time_limit=QUICK,
            project=project.slug,
            environment=deploy.environment.name,
            release=deploy.release.name,
            since_ms=milliseconds(switched_at),
            fewest=NEW_ERROR_EVENTS,
        )
    except store.StoreError:
        return []
    known = set(
        ErrorGroup.objects.filter(project=project, first_seen__lt=switched_at).values_list("fingerprint", flat=True)
    )
    return [f"{row['type']}: {row['message']}"[:200] for row in rows if row["fingerprint"] not in known]

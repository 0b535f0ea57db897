"""The one client path to the telemetry store: named queries and nothing else.

The store is ClickHouse's HTTP interface at GOLIVE_CLICKHOUSE_URL, or the embedded engine at the address that its
process writes to the data folder. Readers use a read-only account; only the schema and the loader may write.
"""

import sys
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
from clickhouse_connect.driver.httputil import get_pool_manager
from urllib3.exceptions import HTTPError

from golive.telemetry.address import (
    DATABASE,
    LANE_HEADER,
    URGENT,
    Endpoint,
    StoreError,
    connection,
    endpoint,
    endpoint_file,
)

__all__ = [
    "DATABASE",
    "Endpoint",
    "StoreError",
    "command",
    "connect",
    "endpoint",
    "endpoint_file",
    "row",
    "rows",
]

CONNECT_SECONDS = 5
READ_SECONDS = 70  # a little more than a reader's query may take
WRITE_SECONDS = 620
# Error codes of the engine that a person can do something about.
_ADVICE = {
    159: "it took too long; ask for a shorter time range or fewer services",
    241: "it needs more memory than one query may take; ask for a shorter time range or fewer columns",
    396: "its answer is too large; ask for fewer rows",
    202: "the store is busy; try again in a moment",
    516: "the password was refused; restart golive so that every process reads the new one",
    243: "the disk is full; free space or lower GOLIVE_STORE_BYTES",
}
_pool = get_pool_manager(maxsize=32)  # as many threads may ask at once without connections being thrown away
_clients: dict[tuple[Endpoint, bool], Client] = {}
_lock = threading.Lock()


def connect(*, write: bool = False) -> Client:
    """The process's client: safe for any number of threads, made on first use and again when the store has moved.

    Raises StoreError when the store cannot be reached.
    """
    place = endpoint()
    key = (place, write)
    if client := _clients.get(key):
        return client
    with _lock:
        if key not in _clients:
            for old in [old for old in _clients if old[0] != place]:
                del _clients[old]
            _clients[key] = _client(place, write)
        return _clients[key]


def rows(sql: str, *, time_limit: timedelta | None = None, **parameters: Any) -> list[dict[str, Any]]:
    """Run a query with `{name:Type}` parameters on the read-only account; one dict a row, instants aware.

    `time_limit` ends it earlier than the store's own limit for readers. A query during which the store was restarted is
    asked once more. Raises StoreError, whose message says what to do.
    """
    settings = {"max_execution_time": max(1, round(time_limit.total_seconds()))} if time_limit else None
    try:
        try:
            result = connect().query(sql, parameters=parameters, settings=settings)
        except (OperationalError, HTTPError, OSError) as error:
            if getattr(error, "code", None) is not None:
                raise
            _forget()
            result = connect().query(sql, parameters=parameters, settings=settings)
    except (ClickHouseError, HTTPError, OSError) as error:
        raise StoreError(_explain(error)) from error
    return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]


def row(sql: str, *, time_limit: timedelta | None = None, **parameters: Any) -> dict[str, Any]:
    """The first row of `rows`, or an empty dict."""
    found: Sequence[dict[str, Any]] = rows(sql, time_limit=time_limit, **parameters)
    return found[0] if found else {}


def command(sql: str, **parameters: Any) -> None:
    """Run a statement that changes something, on the writer's account. Raises StoreError."""
    try:
        connect(write=True).command(sql, parameters=parameters)
    except (ClickHouseError, HTTPError, OSError) as error:
        raise StoreError(_explain(error)) from error


def _client(place: Endpoint, write: bool) -> Client:
    user, password = place.writer if write else place.reader
    try:
        client = clickhouse_connect.get_client(
            **connection(place.url),
            username=user,
            password=password,
            database=DATABASE,
            compress=not place.url.startswith("http://127."),  # on loopback it only costs
            connect_timeout=CONNECT_SECONDS,
            send_receive_timeout=WRITE_SECONDS if write else READ_SECONDS,
            autogenerate_session_id=False,
            pool_mgr=_pool,
            headers={LANE_HEADER: URGENT} if _is_pager() else None,
            show_clickhouse_errors="scrub",
            tz_mode="aware",
        )
    except (ClickHouseError, HTTPError, OSError) as error:
        raise StoreError(_explain(error)) from error
    client.server_settings = {}  # the store decides which settings a reader may choose, not the client's guess
    return client


def _is_pager() -> bool:
    """Whether this process is the one that evaluates rules and pages people."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name.startswith("golive.pager")


def _forget() -> None:
    with _lock:
        _clients.clear()


def _explain(error: Exception) -> str:
    code = getattr(error, "code", None)
    if code is None:
        return f"The telemetry store does not answer; `golive doctor` says why, `golive up` starts it. ({error})"
    if advice := _ADVICE.get(code):
        return f"The telemetry store ended a query: {advice}."
    return f"The telemetry store refused a query: {error}"

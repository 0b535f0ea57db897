"""The one client path to the telemetry store: named queries and nothing else.

The store is ClickHouse's HTTP interface at GOLIVE_CLICKHOUSE_URL, or the embedded engine at the address that its
process writes to the data folder. Readers use a read-only account; only the schema and the loader may write.
"""

import os
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import orjson
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from golive.kit.folders import data_folder

DATABASE = "golive"
_local = threading.local()


class StoreError(Exception):
    """The store could not be reached or refused a query; the message says which and what to do."""


@dataclass(frozen=True)
class Endpoint:
    """Where the store listens and with what accounts; written by the store process, mode 0600."""

    url: str
    reader: tuple[str, str]
    writer: tuple[str, str]


def endpoint_file() -> Path:
    return data_folder() / "run" / "store.json"


def endpoint() -> Endpoint:
    """The store's address: GOLIVE_CLICKHOUSE_URL (credentials in the URL), else the embedded engine's."""
    if url := os.environ.get("GOLIVE_CLICKHOUSE_URL"):
        parts = urlsplit(url)
        account = (parts.username or "default", parts.password or "")
        return Endpoint(url=url, reader=account, writer=account)
    try:
        kept = orjson.loads(endpoint_file().read_bytes())
    except FileNotFoundError:
        raise StoreError("The telemetry store is not running; start it with `golive up`.") from None
    return Endpoint(url=kept["url"], reader=tuple(kept["reader"]), writer=tuple(kept["writer"]))


def address(url: str) -> dict[str, Any]:
    """Scheme, host and port of a store's URL, as clickhouse-connect takes them."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    return {
        "interface": "https" if secure else "http",
        "host": parts.hostname or "127.0.0.1",
        "port": parts.port or (8443 if secure else 8123),
    }


def connect(*, write: bool = False) -> Client:
    """This thread's connection. Raises StoreError when the store cannot be reached."""
    place = endpoint()
    name = f"{place.url} {'writer' if write else 'reader'}"
    kept: dict[str, Client] = _local.__dict__.setdefault("clients", {})
    if name not in kept:
        parts = urlsplit(place.url)
        user, password = place.writer if write else place.reader
        try:
            kept[name] = clickhouse_connect.get_client(
                **address(place.url),
                username=user,
                password=password,
                database=DATABASE,
                autogenerate_session_id=False,
            )
        except ClickHouseError as error:
            raise StoreError(
                f"The telemetry store at {parts.hostname}:{parts.port} does not answer: {error}"
            ) from error
    return kept[name]


def queries(path: Path) -> Mapping[str, str]:
    """The named queries of a `.sql` file: each begins with a line `-- name: NAME`."""
    parts = re.split(r"(?m)^-- name: (\w+)[^\n]*\n", path.read_text())
    return dict(zip(parts[1::2], (text.strip().rstrip(";") for text in parts[2::2]), strict=True))


def rows(sql: str, **parameters: Any) -> list[dict[str, Any]]:
    """Run a query with `{name:Type}` parameters on the read-only account; one dict a row."""
    try:
        result = connect().query(sql, parameters=parameters)
    except ClickHouseError as error:
        raise StoreError(f"The telemetry store refused or did not answer a query: {error}") from error
    return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]


def row(sql: str, **parameters: Any) -> dict[str, Any]:
    """The first row of `rows`, or an empty dict."""
    found: Sequence[dict[str, Any]] = rows(sql, **parameters)
    return found[0] if found else {}

"""Where the telemetry store is and who may enter: read by its clients, written by the embedded store's process."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from golive.kit.folders import data_folder

DATABASE = "golive"
LANE_HEADER = "x-golive-lane"  # by which a client of the embedded store says that its reads must not wait
URGENT = "urgent"


class StoreError(Exception):
    """The store could not be reached or refused a query; the message says which and what to do."""


@dataclass(frozen=True)
class Endpoint:
    """Where the store listens and with what accounts; written by the store process, mode 0600."""

    url: str
    reader: tuple[str, str]
    writer: tuple[str, str]

    @property
    def place(self) -> str:
        """Host and port for messages: never the password."""
        found = connection(self.url)
        return f"{found['host']}:{found['port']}"


def endpoint_file() -> Path:
    return data_folder() / "run" / "store.json"


def endpoint() -> Endpoint:
    """The store's address: GOLIVE_CLICKHOUSE_URL (credentials in the URL), else the embedded engine's.

    GOLIVE_CLICKHOUSE_READER_URL may name another account for reading. Raises StoreError when there is none.
    """
    if url := os.environ.get("GOLIVE_CLICKHOUSE_URL"):
        reading = os.environ.get("GOLIVE_CLICKHOUSE_READER_URL") or url
        return Endpoint(url=url, reader=_account(reading), writer=_account(url))
    try:
        kept = orjson.loads(endpoint_file().read_bytes())
        return Endpoint(url=kept["url"], reader=tuple(kept["reader"]), writer=tuple(kept["writer"]))
    except FileNotFoundError:
        raise StoreError("The telemetry store is not running; start it with `golive up`.") from None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise StoreError(f"{endpoint_file()} cannot be read; restart the store with `golive up`.") from None


def connection(url: str) -> dict[str, Any]:
    """Scheme, host and port of a store's URL, as clickhouse-connect takes them."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    return {
        "interface": "https" if secure else "http",
        "host": parts.hostname or "127.0.0.1",
        "port": parts.port or (8443 if secure else 8123),
    }


def _account(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return unquote(parts.username or "default"), unquote(parts.password or "")

"""chDB, the ClickHouse engine inside this process: sessions, queries, streamed inserts, cancelling.

A session is a chDB connection with its settings; opening one costs a third of a millisecond. Whatever a query left
behind in its session (USE, SET) goes with it, because only sessions of plain reads are used again.
"""

import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# chDB imports these if it finds them; the store needs none of them and they cost 40 MB and two seconds.
for _heavy in ("numpy", "pandas", "pyarrow"):
    sys.modules.setdefault(_heavy, None)  # type: ignore[arg-type]

from chdb import _chdb  # noqa: E402

_CODE = re.compile(r"Code: (\d+)\.")
_KEPT_SESSIONS = 16


class EngineError(Exception):
    """The engine refused or failed; `code` is ClickHouse's number of the error."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        found = _CODE.search(message)
        self.code = int(found.group(1)) if found else 1002  # UNKNOWN_EXCEPTION


@dataclass(frozen=True)
class Result:
    """What a statement gave: the formatted bytes, and counts for the summary."""

    data: memoryview
    rows_read: int = 0
    bytes_read: int = 0
    rows_written: int = 0
    bytes_written: int = 0
    elapsed_seconds: float = 0.0


def literal(text: str) -> str:
    """A string literal of ClickHouse."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def mark(query_id: str) -> str:
    """The comment in front of a running statement by which it can be found and killed."""
    return f"/*{re.sub('[^0-9A-Za-z_-]', '_', query_id)}*/ "


Settings = tuple[tuple[str, str], ...]


class Engine:
    """The embedded engine over one data folder, which it locks."""

    def __init__(self, folder: Path, memory_bytes: int) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._address = f"{folder}?max_server_memory_usage={memory_bytes}"
        self._keeper = self._call(_chdb.connect, self._address)  # the engine lives as long as one connection
        self._idle: OrderedDict[tuple[str, Settings], list[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def command(self, sql: str, database: str = "default") -> Result:
        """Run one statement of our own, with every right."""
        session = self._open(database, ())
        try:
            return self._run(session, sql, "TabSeparated", {})
        finally:
            session.close()

    def read(
        self, sql: str, format: str, parameters: Mapping[str, str], database: str, settings: Settings, query_id: str
    ) -> Result:
        """Run one plain read in a session with these settings, kept for the next of its kind."""
        key = (database, settings)
        session = self._take(key) or self._open(database, settings)
        try:
            result = self._run(session, mark(query_id) + sql, format, parameters)
        except BaseException:
            session.close()
            raise
        self._give(key, session)
        return result

    def write(
        self, sql: str, format: str, parameters: Mapping[str, str], database: str, settings: Settings, query_id: str
    ) -> Result:
        """Run any statement, in a session of its own."""
        session = self._open(database, settings)
        try:
            return self._run(session, mark(query_id) + sql, format, parameters)
        finally:
            session.close()

    def insert(
        self, sql: str, format: str, chunks: Iterable[bytes], database: str, settings: Settings, query_id: str
    ) -> Result:
        """Stream data into an INSERT; on return it is committed. Chunks are consumed as the engine parses them."""
        session = self._open(database, settings)
        try:
            inserter = self._call(session.send_insert, mark(query_id) + sql, format)
            try:
                for chunk in chunks:
                    if chunk:
                        self._call(session.insert_append, inserter, chunk)
            except BaseException:
                session.insert_cancel(inserter)
                raise
            done = self._call(session.insert_done, inserter)
            return Result(
                memoryview(b""),
                rows_written=done.rows_written(),
                bytes_written=done.bytes_written(),
                elapsed_seconds=done.elapsed(),
            )
        finally:
            session.close()

    def kill(self, query_id: str) -> None:
        """Ask every statement that runs under this id to stop."""
        self.command(f"KILL QUERY WHERE startsWith(query, {literal(mark(query_id))}) ASYNC")

    def close(self) -> None:
        """Close all sessions and with the last the engine."""
        with self._lock:
            for sessions in self._idle.values():
                for session in sessions:
                    session.close()
            self._idle.clear()
        self._keeper.close()

    def _open(self, database: str, settings: Settings) -> Any:
        session = self._call(_chdb.connect, self._address)
        try:
            if settings:
                chosen = ", ".join(f"{name} = {literal(value)}" for name, value in settings if name != "readonly")
                self._call(session.query, f"SET {chosen}", "Null")
            if database != "default":
                self._call(session.query, f"USE `{database.replace('`', '')}`", "Null")
            for name, value in settings:
                if name == "readonly":  # last: after it nothing can be set
                    self._call(session.query, f"SET readonly = {int(value)}", "Null")
        except BaseException:
            session.close()
            raise
        return session

    def _run(self, session: Any, sql: str, format: str, parameters: Mapping[str, str]) -> Result:
        result = self._call(session.query, sql, format, params=dict(parameters))
        return Result(
            result.get_memview().view() if len(result) else memoryview(b""),
            rows_read=result.storage_rows_read(),
            bytes_read=result.storage_bytes_read(),
            rows_written=result.rows_written(),
            bytes_written=result.bytes_written(),
            elapsed_seconds=result.elapsed(),
        )

    def _take(self, key: tuple[str, Settings]) -> Any:
        with self._lock:
            sessions = self._idle.get(key)
            return sessions.pop() if sessions else None

    def _give(self, key: tuple[str, Settings], session: Any) -> None:
        extra = []
        with self._lock:
            self._idle.setdefault(key, []).append(session)
            self._idle.move_to_end(key)
            while sum(map(len, self._idle.values())) > _KEPT_SESSIONS:
                oldest, sessions = next(iter(self._idle.items()))
                if sessions:
                    extra.append(sessions.pop())
                if not sessions:
                    del self._idle[oldest]
        for spare in extra:
            spare.close()

    @staticmethod
    def _call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except RuntimeError as error:
            raise EngineError(str(error)) from error

"""chDB, the ClickHouse engine inside this process: sessions, queries, streamed inserts, cancelling.

A session is a chDB connection with its settings; opening one costs about a millisecond. What a statement leaves
behind in its session (USE, SET) goes with it: only sessions of plain reads are used again.
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

import chdb._chdb  # noqa: E402

from golive.telemetry.guard import Forbidden, examine  # noqa: E402

_chdb: Any = chdb._chdb
_CODE = re.compile(r"Code: (\d+)\.")
_KEPT_SESSIONS = 16
# The engine's own sizes add up to 20 GB and would fill all the memory it may use, until queries fail.
_CACHE_BYTES = {
    "mark_cache_size": 64_000_000,
    "primary_index_cache_size": 64_000_000,
    "index_mark_cache_size": 32_000_000,
    "text_index_tokens_cache_size": 16_000_000,
    "text_index_header_cache_size": 16_000_000,
    "text_index_postings_cache_size": 64_000_000,
    "query_condition_cache_size": 16_000_000,
    "compiled_expression_cache_size": 16_000_000,
}
_KEPT_VERDICTS = 512
_LONGEST_KEPT = 16_384

Settings = tuple[tuple[str, str], ...]


class EngineError(Exception):
    """The engine refused or failed; `code` is ClickHouse's number of the error."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        found = _CODE.search(message)
        self.code = int(found.group(1)) if found else 1002  # UNKNOWN_EXCEPTION


@dataclass(frozen=True)
class Query:
    """One statement for the engine, with everything a request may say about it.

    `parameters` are escaped as in TabSeparated, as ClickHouse's HTTP interface takes them.
    """

    sql: str
    format: str = "TabSeparated"
    parameters: Mapping[str, str] | None = None
    database: str = "default"
    settings: Settings = ()
    query_id: str = ""


@dataclass(frozen=True)
class Result:
    """What a statement gave: the formatted bytes, and counts for the summary."""

    data: memoryview | bytes = b""
    owner: Any = None  # the engine's memory behind `data` lives as long as this
    rows_read: int = 0
    bytes_read: int = 0
    rows_written: int = 0
    bytes_written: int = 0
    elapsed_seconds: float = 0.0


class Engine:
    """The embedded engine over one data folder, which it locks."""

    def __init__(self, folder: Path, memory_bytes: int) -> None:
        """Raises EngineError when another process has the folder, or it cannot be read."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        server = {"max_server_memory_usage": memory_bytes, **_CACHE_BYTES}
        self._address = f"{folder}?" + "&".join(f"{name}={size}" for name, size in server.items())
        self._lock = threading.Lock()
        self._idle: OrderedDict[tuple[str, Settings], list[Any]] = OrderedDict()
        self._canonical: OrderedDict[str, str] = OrderedDict()
        self._keeper = _call(_chdb.connect, self._address)  # the engine lives as long as one connection
        names = self.write(Query("SELECT lower(name) FROM system.table_functions")).data
        self._table_functions = frozenset(bytes(names).decode().split())

    def read(self, query: Query) -> Result:
        """Run one plain read. Raises Forbidden for anything else, EngineError when the engine fails."""
        key = (query.database, query.settings)
        session = self._take(key) or self._open(query)
        try:
            self._examine(session, query)
            result = _run(session, query)
        except BaseException:
            session.close()
            raise
        self._give(key, session)
        return result

    def write(self, query: Query) -> Result:
        """Run any statement, in a session of its own."""
        session = self._open(query)
        try:
            return _run(session, query)
        finally:
            session.close()

    def insert(self, query: Query, chunks: Iterable[bytes]) -> Result:
        """Stream data into the INSERT `query.sql` (without its FORMAT clause); on return they are committed.

        When a chunk fails to come, nothing of the block being built is kept.
        """
        session = self._open(query)
        try:
            inserter = _call(session.send_insert, _mark(query.query_id) + query.sql, query.format)
            try:
                for chunk in chunks:
                    if chunk:
                        _call(session.insert_append, inserter, chunk)
            except BaseException:
                session.insert_cancel(inserter)
                raise
            done = _call(session.insert_done, inserter)
            return Result(
                rows_written=done.rows_written(), bytes_written=done.bytes_written(), elapsed_seconds=done.elapsed()
            )
        finally:
            session.close()

    def kill_reads(self) -> Result:
        """Ask every read to stop; inserts go on."""
        return self.write(
            Query("KILL QUERY WHERE startsWith(query, '/*') AND query NOT ILIKE '%*/ insert%' ASYNC", "Null")
        )

    def kill(self, query_id: str) -> Result:
        """Ask every statement that runs under this id to stop."""
        return self.write(Query(f"KILL QUERY WHERE startsWith(query, {literal(_mark(query_id))}) ASYNC"))

    def close(self) -> None:
        """Close all sessions and with the last the engine."""
        with self._lock:
            for session in [session for sessions in self._idle.values() for session in sessions]:
                session.close()
            self._idle.clear()
        self._keeper.close()

    def _examine(self, session: Any, query: Query) -> None:
        with self._lock:
            canonical = self._canonical.get(query.sql)
        if canonical is None:
            kind = _call(session.classify_query, query.sql)["query_class"]
            if kind not in (_chdb.query_class.READ_ONLY, _chdb.query_class.UNKNOWN):
                raise Forbidden("Cannot execute query in readonly mode. Readers may SELECT, SHOW, DESCRIBE, EXPLAIN.")
            escaped = query.sql.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
            asked = _call(
                session.query, "SELECT formatQuerySingleLine({sql:String})", "TSVRaw", params={"sql": escaped}
            )
            canonical = asked.bytes().decode()
            if len(query.sql) <= _LONGEST_KEPT:
                with self._lock:
                    self._canonical[query.sql] = canonical
                    while len(self._canonical) > _KEPT_VERDICTS:
                        self._canonical.popitem(last=False)
        examine(canonical, query.parameters or {}, self._table_functions)

    def _open(self, query: Query) -> Any:
        session = _call(_chdb.connect, self._address)
        try:
            chosen = [(name, value) for name, value in query.settings if name != "readonly"]
            if chosen:
                _call(session.query, "SET " + ", ".join(f"{_name(n)} = {literal(v)}" for n, v in chosen), "Null")
            if query.database != "default":
                _call(session.query, f"USE {_quoted(query.database)}", "Null")
            for name, value in query.settings:
                if name == "readonly":  # last: after it nothing can be set
                    _call(session.query, f"SET readonly = {int(value)}", "Null")
        except BaseException:
            session.close()
            raise
        return session

    def _take(self, key: tuple[str, Settings]) -> Any:
        with self._lock:
            sessions = self._idle.get(key)
            return sessions.pop() if sessions else None

    def _give(self, key: tuple[str, Settings], session: Any) -> None:
        spare = []
        with self._lock:
            self._idle.setdefault(key, []).append(session)
            self._idle.move_to_end(key)
            while sum(map(len, self._idle.values())) > _KEPT_SESSIONS:
                oldest, sessions = next(iter(self._idle.items()))
                if sessions:
                    spare.append(sessions.pop())
                if not sessions:
                    del self._idle[oldest]
        for old in spare:
            old.close()


def literal(text: str) -> str:
    """A string literal of ClickHouse."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _name(setting: str) -> str:
    if not re.fullmatch(r"[A-Za-z]\w*", setting):
        raise EngineError(f"Code: 115. DB::Exception: Unknown setting {setting!r}. (UNKNOWN_SETTING)")
    return setting


def _mark(query_id: str) -> str:
    """The comment in front of a running statement by which it can be found and killed."""
    return f"/*{re.sub('[^0-9A-Za-z_-]', '_', query_id)}*/ " if query_id else ""


def _run(session: Any, query: Query) -> Result:
    result = _call(session.query, _mark(query.query_id) + query.sql, query.format, params=dict(query.parameters or {}))
    return Result(
        result.get_memview().view() if len(result) else b"",
        owner=result,
        rows_read=result.storage_rows_read(),
        bytes_read=result.storage_bytes_read(),
        rows_written=result.rows_written(),
        bytes_written=result.bytes_written(),
        elapsed_seconds=result.elapsed(),
    )


def _call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    try:
        return function(*arguments, **named)
    except RuntimeError as error:
        raise EngineError(str(error)) from error

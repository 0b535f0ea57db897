"""ClickHouse's HTTP interface over the embedded engine, as a bare ASGI application."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from golive.telemetry.accounts import Account, Right, authenticate, credentials
from golive.telemetry.bodies import BodyError, decoded, parted
from golive.telemetry.engine import Engine, EngineError, Result, Settings
from golive.telemetry.limits import SettingRefused, reader_settings, writer_settings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_RESERVED = frozenset({"query", "user", "password", "database", "default_format", "query_id", "compress", "decompress"})
_STATUS = {516: 403, 194: 401, 164: 403, 497: 403, 62: 400, 60: 404, 81: 404, 47: 400, 36: 400, 159: 408, 202: 503}
_MOST_STATEMENT_BYTES = 16 * 2**20
log = logging.getLogger(__name__)


class Refusal(Exception):
    """A request that is answered with an error: ClickHouse's error code, HTTP status and text."""

    def __init__(self, code: int, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status or _STATUS.get(code, 500)


@dataclass(frozen=True)
class Query:
    """One request for the engine."""

    sql: str
    format: str
    parameters: Mapping[str, str]
    database: str
    settings: Settings
    query_id: str


class Adapter:
    """Answers requests. Reads and writes have threads of their own, so that neither starves the other."""

    def __init__(self, engine: Engine, accounts: tuple[Account, ...], *, readers: int = 4, writers: int = 2) -> None:
        self._engine = engine
        self._accounts = accounts
        self._threads = {
            Right.READ: ThreadPoolExecutor(readers, "reader"),
            Right.WRITE: ThreadPoolExecutor(writers, "writer"),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return None
        query_id = ""
        try:
            if scope["path"] in ("/ping", "/replicas_status"):
                return await _answer(send, 200, b"Ok.\n", [])
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            parameters = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
            query_id = parameters.get("query_id") or str(uuid.uuid4())
            account = authenticate(credentials(headers, parameters), self._accounts)
            if account is None:
                raise Refusal(516, "Authentication failed: password is incorrect, or there is no user with such name.")
            result, format = await self._perform(account, headers, parameters, query_id, receive)
            await _answer(send, 200, result.data, _heads(query_id, format, result))
        except Refusal as refused:
            await _refuse(send, query_id, refused)
        except EngineError as error:
            await _refuse(send, query_id, Refusal(error.code, str(error)))
        except BodyError as error:
            await _refuse(send, query_id, Refusal(117, str(error), 400))
        except SettingRefused as error:
            await _refuse(send, query_id, Refusal(164, str(error)))

    async def _perform(
        self, account: Account, headers: dict[str, str], parameters: dict[str, str], query_id: str, receive: Receive
    ) -> tuple[Result, str]:
        format = headers.get("x-clickhouse-format") or parameters.get("default_format") or "TabSeparated"
        asked = {
            name: value for name, value in parameters.items() if name not in _RESERVED and not name.startswith("param_")
        }
        query = Query(
            sql=parameters.get("query", ""),
            format=format,
            parameters={name[6:]: value for name, value in parameters.items() if name.startswith("param_")},
            database=parameters.get("database") or headers.get("x-clickhouse-database") or "default",
            settings=(reader_settings if account.right is Right.READ else writer_settings)(asked),
            query_id=query_id,
        )
        loop = asyncio.get_running_loop()
        body = decoded(_arriving(receive, await receive(), loop), headers.get("content-encoding", ""))
        return await loop.run_in_executor(self._threads[account.right], self._run, query, body, account.right), format

    def _run(self, query: Query, body: Iterator[bytes], right: Right) -> Result:
        insert, _, rest = parted(query.sql, body)
        if insert is not None and right is Right.WRITE:
            return self._engine.insert(insert.sql, insert.format, rest, query.database, query.settings, query.query_id)
        sql = _text(rest)
        run = self._engine.read if right is Right.READ else self._engine.write
        return run(sql, query.format, query.parameters, query.database, query.settings, query.query_id)


def _arriving(receive: Receive, first: MutableMapping[str, Any], loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
    """The chunks of a request's body, for a thread: waits for the event loop to bring the next one."""
    message = first
    while True:
        if message["type"] == "http.disconnect":
            raise Refusal(210, "The client went away before its request was complete.")
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return
        message = asyncio.run_coroutine_threadsafe(_next(receive), loop).result()


async def _next(receive: Receive) -> MutableMapping[str, Any]:
    return await receive()


def _text(chunks: Iterator[bytes]) -> str:
    whole = bytearray()
    for chunk in chunks:
        whole += chunk
        if len(whole) > _MOST_STATEMENT_BYTES:
            raise Refusal(229, f"The statement is larger than {_MOST_STATEMENT_BYTES} bytes.", 413)
    try:
        sql = whole.decode()
    except UnicodeDecodeError:
        raise Refusal(62, "The statement is not UTF-8 text.") from None
    if not sql.strip():
        raise Refusal(62, "Empty query.")
    return sql


def _heads(query_id: str, format: str, result: Result) -> list[tuple[bytes, bytes]]:
    summary = {
        "read_rows": str(result.rows_read),
        "read_bytes": str(result.bytes_read),
        "written_rows": str(result.rows_written),
        "written_bytes": str(result.bytes_written),
        "elapsed_ns": str(int(result.elapsed_seconds * 1e9)),
    }
    heads = [
        (b"x-clickhouse-query-id", query_id.encode("latin-1", "replace")),
        (b"x-clickhouse-timezone", b"UTC"),
        (b"x-clickhouse-summary", orjson.dumps(summary)),
    ]
    if result.data.nbytes:
        heads.append((b"x-clickhouse-format", format.encode()))
    return heads


async def _refuse(send: Send, query_id: str, refused: Refusal) -> None:
    text = refused.text if refused.text.startswith("Code:") else f"Code: {refused.code}. DB::Exception: {refused.text}"
    heads = [
        (b"x-clickhouse-exception-code", str(refused.code).encode()),
        (b"x-clickhouse-query-id", query_id.encode("latin-1", "replace")),
    ]
    await _answer(send, refused.status, (text + "\n").encode(), heads)


async def _answer(send: Send, status: int, body: bytes | memoryview, heads: list[tuple[bytes, bytes]]) -> None:
    length = len(body) if isinstance(body, bytes) else body.nbytes
    heads = [*heads, (b"content-length", str(length).encode()), (b"content-type", b"text/plain; charset=UTF-8")]
    await send({"type": "http.response.start", "status": status, "headers": heads})
    await send({"type": "http.response.body", "body": body})

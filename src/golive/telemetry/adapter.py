"""ClickHouse's HTTP interface over the embedded engine, as a bare ASGI application."""

import asyncio
import logging
import re
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson

from golive.telemetry.accounts import Account, Right, authenticate, credentials
from golive.telemetry.address import LANE_HEADER, URGENT
from golive.telemetry.bodies import BodyError, decoded, encoded, parted
from golive.telemetry.engine import Engine, EngineError, Query, Result
from golive.telemetry.guard import Forbidden
from golive.telemetry.limits import SettingRefused
from golive.telemetry.requests import Refusal, Request, form, with_form

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_MOST_STATEMENT_BYTES = 16 * 2**20
_HANDED_OVER_BYTES = 2**20
_KILL = re.compile(r"\s*KILL\s+QUERY\s+WHERE\s+query_id\s*=\s*'([^'\\]+)'", re.IGNORECASE)
log = logging.getLogger(__name__)


class Lane:
    """Threads for one kind of work, and a bounded queue before them: beyond it a request is told to come later."""

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(threads, name)
        self._most = threads + waiting
        self._lock = threading.Lock()
        self._inside = 0

    async def run(self, work: Callable[[], Result], gone: Awaitable[Any] | None, kill: Callable[[], object]) -> Result:
        """Run `work` in a thread. When `gone` comes first the client has left: the work is cancelled or killed."""
        with self._lock:
            if self._inside >= self._most:
                raise Refusal(202, "Too many simultaneous queries; try again shortly.")
            self._inside += 1
        job = self._executor.submit(work)
        job.add_done_callback(self._leave)
        done = asyncio.wrap_future(job)
        if gone is None:
            return await done
        watch: asyncio.Future[Any] = asyncio.ensure_future(gone)
        try:
            await asyncio.wait({done, watch}, return_when=asyncio.FIRST_COMPLETED)
            if done.done():
                return done.result()
            if not job.cancel():  # it has begun
                await asyncio.to_thread(kill)
                await asyncio.wait({done})
            raise Refusal(210, "The client went away.")
        finally:
            watch.cancel()

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _leave(self, job: object) -> None:
        with self._lock:
            self._inside -= 1


class Adapter:
    """Answers requests. Reads and writes have lanes of their own, so that neither starves the other.

    The pager's reads have a third: its rules must not wait behind somebody's long search.
    """

    def __init__(self, engine: Engine, accounts: tuple[Account, ...], *, readers: int = 4, writers: int = 3) -> None:
        self._engine = engine
        self._accounts = accounts
        self._lanes = {"read": Lane("reader", readers, 64), "write": Lane("writer", writers, 32)}
        self._lanes[URGENT] = Lane(URGENT, 2, 32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query_id = ""
        try:
            request = Request.of(scope)
            query_id = request.query_id
            if request.path in ("/ping", "/replicas_status"):
                return await _answer(send, 200, b"Ok.\n", [])
            if request.path != "/":
                raise Refusal(404, f"There is no handle {request.path}; queries go to /.", 404)
            account = authenticate(credentials(request.headers, request.parameters), self._accounts)
            if account is None:
                raise Refusal(516, "Authentication failed: password is incorrect, or there is no user with such name.")
            result, heads = await self._perform(request, request.right(account.right), receive)
            await _answer(send, 200, result.data, heads)
        except Refusal as refused:
            await _refuse(send, query_id, refused)
        except EngineError as error:
            await _refuse(send, query_id, Refusal(error.code, str(error)))
        except BodyError as error:
            await _refuse(send, query_id, Refusal(117, str(error)))
        except (SettingRefused, Forbidden) as error:
            await _refuse(send, query_id, Refusal(164, str(error)))
        except Exception:
            log.exception("A request failed in the adapter.")
            await _refuse(send, query_id, Refusal(1002, "The store's adapter failed; its log says why."))

    def close(self) -> None:
        """End reads and wait for inserts; nothing new may come."""
        self._engine.kill_reads()
        for lane in self._lanes.values():
            lane.close()

    async def _perform(
        self, request: Request, right: Right, receive: Receive
    ) -> tuple[Result, list[tuple[bytes, bytes]]]:
        query = request.query(right)
        first = await receive()
        whole = first["type"] == "http.request" and not first.get("more_body", False)
        body = decoded(_arriving(receive, first), request.headers.get("content-encoding", ""))
        compression = ""
        if request.parameters.get("enable_http_compression") == "1":
            compression = request.headers.get("accept-encoding", "")
        chosen = ""

        def work() -> Result:
            nonlocal chosen
            result = self._run(query, body, right, request.headers.get("content-type", ""))
            chosen, data = encoded(result.data, compression)
            return replace(result, data=data)

        # While a body still comes, the thread itself notices that the client has gone.
        gone = receive() if whole and right is Right.READ else None
        lane = "write" if right is Right.WRITE else URGENT if request.headers.get(LANE_HEADER) == URGENT else "read"
        result = await self._lanes[lane].run(work, gone, lambda: self._engine.kill(query.query_id))
        return result, _heads(query, result, chosen)

    def _run(self, query: Query, body: Iterator[bytes], right: Right, content_type: str) -> Result:
        if content_type.startswith("multipart/form-data"):
            query = with_form(query, form(content_type, _whole(body)))
            body = iter(())
        insert, rest = parted(query.sql, body)
        if insert is not None:
            if right is Right.READ:
                raise Forbidden("Cannot execute query in readonly mode. Readers may not INSERT.")
            return self._engine.insert(replace(query, sql=insert.sql, format=insert.format), rest)
        query = replace(query, sql=_statement(rest))
        if right is Right.READ:
            return self._engine.read(query)
        if killed := _KILL.match(query.sql):
            return self._engine.kill(killed.group(1))
        return self._engine.write(query)


def _arriving(receive: Receive, first: Message) -> Iterator[bytes]:
    """The chunks of a request's body, for a thread: it waits while the event loop brings the next one."""
    loop = asyncio.get_running_loop()

    async def following() -> Message:
        parts: list[bytes] = []
        size, more = 0, True
        while more and size < _HANDED_OVER_BYTES:  # crossing threads for each packet would cost more than parsing
            message = await receive()
            if message["type"] == "http.disconnect":
                return message
            parts.append(message.get("body", b""))
            size, more = size + len(parts[-1]), message.get("more_body", False)
        return {"type": "http.request", "body": b"".join(parts), "more_body": more}

    def chunks() -> Iterator[bytes]:
        message = first
        while True:
            if message["type"] == "http.disconnect":
                raise Refusal(210, "The client went away before its request was complete.")
            yield message.get("body", b"")
            if not message.get("more_body", False):
                return
            message = asyncio.run_coroutine_threadsafe(following(), loop).result()

    return chunks()


def _whole(chunks: Iterator[bytes]) -> bytes:
    whole = bytearray()
    for chunk in chunks:
        whole += chunk
        if len(whole) > _MOST_STATEMENT_BYTES:
            raise Refusal(229, f"The statement is larger than {_MOST_STATEMENT_BYTES} bytes.")
    return bytes(whole)


def _statement(chunks: Iterator[bytes]) -> str:
    try:
        sql = _whole(chunks).decode()
    except UnicodeDecodeError:
        raise Refusal(62, "The statement is not UTF-8 text.") from None
    if not sql.strip() or "\0" in sql:
        raise Refusal(62, "The statement is empty or has a zero byte.")
    return sql


def _heads(query: Query, result: Result, compression: str) -> list[tuple[bytes, bytes]]:
    summary = {
        "read_rows": str(result.rows_read),
        "read_bytes": str(result.bytes_read),
        "written_rows": str(result.rows_written),
        "written_bytes": str(result.bytes_written),
        "elapsed_ns": str(int(result.elapsed_seconds * 1e9)),
    }
    heads = [
        (b"x-clickhouse-query-id", query.query_id.encode()),
        (b"x-clickhouse-timezone", b"UTC"),
        (b"x-clickhouse-summary", orjson.dumps(summary)),
    ]
    if len(result.data):
        heads.append((b"x-clickhouse-format", query.format.encode()))
    if compression:
        heads.append((b"content-encoding", compression.encode()))
    return heads


async def _refuse(send: Send, query_id: str, refused: Refusal) -> None:
    heads = [
        (b"x-clickhouse-exception-code", str(refused.code).encode()),
        (b"x-clickhouse-query-id", query_id.encode()),
        *([(b"retry-after", b"1")] if refused.status == 503 else []),
        *([(b"www-authenticate", b'Basic realm="golive"')] if refused.code in (194, 516) else []),
    ]
    await _answer(send, refused.status, (refused.text + "\n").encode("utf-8", "replace"), heads)


async def _answer(send: Send, status: int, body: bytes | memoryview, heads: list[tuple[bytes, bytes]]) -> None:
    heads = [*heads, (b"content-length", str(len(body)).encode()), (b"content-type", b"text/plain; charset=UTF-8")]
    await send({"type": "http.response.start", "status": status, "headers": heads})
    await send({"type": "http.response.body", "body": body})

"""`python -m golive.ingest`: receives telemetry on GOLIVE_HOST:GOLIVE_INGEST_PORT (127.0.0.1:4318).

Django is not imported in this process: it stays small and starts at once.
"""

import asyncio
import logging
import os
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from golive.ingest.app import App

HEADER_SECONDS = 15.0
KEEP_ALIVE_SECONDS = 75
MOST_CONNECTIONS = 2000


class PatientProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, but a connection that does not send its request's head in time is closed."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_arrived()
        self._expect_head()

    def on_headers_complete(self) -> None:
        self._head_arrived()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(HEADER_SECONDS, self._too_slow)

    def _head_arrived(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.close()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s ingest %(levelname)s %(message)s")
    logging.getLogger("clickhouse_connect").setLevel(logging.ERROR)
    config = uvicorn.Config(
        App(),
        host=os.environ.get("GOLIVE_HOST") or "127.0.0.1",
        port=int(os.environ.get("GOLIVE_INGEST_PORT") or 4318),
        loop="uvloop",
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=5,
        limit_concurrency=MOST_CONNECTIONS,
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()

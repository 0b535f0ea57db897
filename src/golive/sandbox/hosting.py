"""Runs one of the sandbox's ASGI applications: in a thread for a test, or in the foreground as a program."""

import threading
import time
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp

_START_TIMEOUT_SECONDS = 10.0


class Hosted:
    """An application on a port of the loopback interface (0 = a free one) for as long as the context lasts."""

    def __init__(self, app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> None:
        config = uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name=f"hosted-{port}", daemon=True)

    @property
    def url(self) -> str:
        """Its address without a trailing slash."""
        host, port = self._server.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def start(self) -> Self:
        """Serve in a thread. Raises RuntimeError when it does not come up (port taken)."""
        self._thread.start()
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the application did not start; is its port taken?")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """Finish the requests that are under way and end."""
        self._server.should_exit = True
        self._thread.join(_START_TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

"""A real HTTP server of a test's own, on a free port: keeps what it is sent, and answers as the test wants."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Answer = tuple[int, bytes]


@dataclass(frozen=True)
class Got:
    """One request; names of headers are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver(ThreadingHTTPServer):
    """`got` is what came, in order. Answers by `respond`, else with the status `answer` and nothing more."""

    def __init__(self, respond: Callable[[Got], Answer] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[Got] = []
        self.answer = 200
        self.respond = respond or (lambda _: (self.answer, b""))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        got = Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        self.server.got.append(got)
        status, said = self.server.respond(got)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Quietly."""


@contextmanager
def receiving(respond: Callable[[Got], Answer] | None = None) -> Iterator[Receiver]:
    """A receiver while the context lasts."""
    with Receiver(respond) as receiver:
        Thread(target=receiver.serve_forever, daemon=True).start()
        try:
            yield receiver
        finally:
            receiver.shutdown()

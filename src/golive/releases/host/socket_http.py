"""HTTP over a unix socket, and who listens there: the kernel tells the listener's pid, which no header can forge."""

import http.client
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """One answer, or why there is none (`status` 0)."""

    status: int
    took_seconds: float
    pid: int = 0
    release: str = ""
    problem: str = ""
    body: bytes = b""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def ask(
    path: Path,
    target: str,
    *,
    host: str = "localhost",
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout_seconds: float = 5.0,
) -> Answer:
    """Ask a server on a unix socket; never raises."""
    began = time.monotonic()
    connection = _UnixConnection(path, timeout_seconds)
    pid = 0
    try:
        connection.connect()
        pid = struct.unpack("3i", connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        connection.request(method, target, body, {"Host": host, "Connection": "close", **(headers or {})})
        answer = connection.getresponse()
        read = answer.read(200_000)
        took = time.monotonic() - began
        return Answer(answer.status, took, pid, answer.headers.get("Golive-Release", ""), "", read)
    except (OSError, http.client.HTTPException) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Answer(0, time.monotonic() - began, pid, problem=said)
    finally:
        connection.close()

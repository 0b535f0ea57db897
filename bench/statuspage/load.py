"""Keeps a server busy over kept-alive connections: `python -m bench.statuspage.load PORT PATH SECONDS CONNECTIONS`.

Reads answers by their content-length alone, so that it needs far less of a core than what it measures.
"""

import json
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field


@dataclass
class Caller:
    """One connection."""

    sock: socket.socket
    began: float = 0.0
    got: bytearray = field(default_factory=bytearray)
    whole: int = 0


def main() -> None:
    port, path, seconds, connections = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    ready = selectors.DefaultSelector()
    for _ in range(connections):
        caller = Caller(socket.create_connection(("127.0.0.1", port)))
        caller.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ready.register(caller.sock, selectors.EVENT_READ, caller)
        _ask(caller, request)
    took, failed, until = [], 0, time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        for key, _ in ready.select(0.5):
            caller: Caller = key.data
            chunk = caller.sock.recv(1 << 16)
            if not chunk:
                failed += 1
                ready.unregister(caller.sock)
                continue
            caller.got += chunk
            if not caller.whole and (end := caller.got.find(b"\r\n\r\n")) >= 0:
                head = bytes(caller.got[:end]).lower()
                failed += not head.startswith(b"http/1.1 200")
                caller.whole = end + 4 + int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            if caller.whole and len(caller.got) >= caller.whole:
                took.append(time.monotonic() - caller.began)
                _ask(caller, request)
    took.sort()
    rate = len(took) / (seconds + (now - until))
    print(json.dumps({"rate": rate, "failed": failed, "p50_ms": _at(took, 0.5), "p99_ms": _at(took, 0.99)}))


def _ask(caller: Caller, request: bytes) -> None:
    caller.got.clear()
    caller.whole, caller.began = 0, time.monotonic()
    caller.sock.sendall(request)


def _at(took: list[float], share: float) -> float:
    return 1000 * took[min(int(len(took) * share), len(took) - 1)] if took else 0.0


if __name__ == "__main__":
    main()

"""A product small enough to start in no time, as good or bad as `behaviour.json` beside it says.

start: "exit", or seconds after which it dies · fail: a path that answers 500 · slow_ms · leak: so many database
connections a second, with its requests · health: the status of /healthz
"""

import json
import os
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

BEHAVIOUR = json.loads((Path(__file__).parent / "behaviour.json").read_text())
LEAKED: list[tuple[float, object]] = []
LEAKING = threading.Lock()


def leak() -> None:
    import psycopg  # noqa: PLC0415 (only this behaviour needs it, and it is slow to load)

    with LEAKING:
        now = time.monotonic()
        if not LEAKED or now - LEAKED[-1][0] >= 1 / BEHAVIOUR["leak"]:
            LEAKED.append((now, psycopg.connect(os.environ["DATABASE_URL"])))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = BEHAVIOUR.get("health", 200) if self.path == "/healthz" else 200
        if self.path == BEHAVIOUR.get("fail"):
            status = 500
        if self.path != "/healthz":
            time.sleep(BEHAVIOUR.get("slow_ms", 0) / 1000)
            if BEHAVIOUR.get("leak"):
                leak()
        body = os.environ["GOLIVE_RELEASE"].encode()
        self.send_response(status)
        self.send_header("Golive-Release", body.decode())
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def address_string(self) -> str:
        return "front"

    def log_message(self, *args: object) -> None:
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 512


def main() -> None:
    start = BEHAVIOUR.get("start")
    if start == "exit":
        sys.exit("cannot read its configuration")
    if start:
        threading.Timer(float(start), lambda: os._exit(70)).start()
    socket = Path(sys.argv[1])
    socket.unlink(missing_ok=True)
    Server(str(socket), Handler).serve_forever()


if __name__ == "__main__":
    main()

"""What is probed, and the server that the probe reports to: as little as either can be.

Counts when each path was asked; hands out the checks and takes their results as golive's server does, by the
exchange that `golive probe` speaks.
"""

import asyncio
import os
import sys
import time
from datetime import timedelta
from typing import Any

import django
import orjson

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
django.setup()

from golive.checks.exchange import pack  # noqa: E402 (needs Django's tables)
from golive.checks.kinds.http import HttpSection  # noqa: E402
from golive.checks.probe import Target  # noqa: E402
from golive.checks.remote import PATH  # noqa: E402

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Site:
    """Remembers the last ask of each path, the distances between asks, and the results that came in."""

    def __init__(self, url: str, count: int, every: timedelta) -> None:
        self.last: dict[bytes, float] = {}
        self.gaps: list[float] = []
        self.asked = self.up = self.reported = self.taken = 0
        self.details: dict[str, Any] = {}
        self.orders = {"hash": "bench", "again": [], "region": "bench", "marker": "0" * 12, "version": ""}
        self.orders |= {"poll_seconds": 2.0}
        urls = {number: f"{url}/{number}" for number in range(count)}
        self.checks = [
            pack(Target(number, "bench", f"c{number}", one, every, wanted=HttpSection(url=one, contains="ok")))
            for number, one in urls.items()
        ]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1]
            if path == PATH.encode():
                writer.write(_json(self._exchange(orjson.loads(await reader.readexactly(_length(head))))))
            elif path == b"/figures":
                writer.write(_json(self._figures()))
            elif path == b"/forget":
                self.last.clear()
                self.gaps.clear()
                self.asked = self.up = self.reported = 0
                writer.write(ANSWER)
            else:
                self._count(path)
                writer.write(ANSWER)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _count(self, path: bytes) -> None:
        now = time.monotonic()
        before = self.last.get(path)
        self.last[path] = now
        self.asked += 1
        if before is not None:
            self.gaps.append(now - before)

    def _exchange(self, report: dict[str, Any]) -> dict[str, Any]:
        looks = report["results"]
        self.reported += len(looks)
        self.up += sum(look["outcome"] == "up" for look in looks)
        self.taken = max(self.taken, report["first"] + len(looks) - 1)
        self.details = report["details"]
        known = report["known"] == self.orders["hash"]
        return {**self.orders, "taken": self.taken, "checks": None if known else self.checks}

    def _figures(self) -> dict[str, Any]:
        numbers = {"asked": self.asked, "paths": len(self.last), "reported": self.reported, "up": self.up}
        return {**numbers, "gaps": self.gaps, "details": self.details}


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return int(next(line for line in lines if line.startswith(b"content-length:")).partition(b":")[2])


def _json(value: object) -> bytes:
    body = orjson.dumps(value)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


async def main() -> None:
    port, count, every = sys.argv[1:4]
    site = Site(f"http://127.0.0.1:{port}", int(count), timedelta(seconds=float(every)))
    server = await asyncio.start_server(site.handle, "127.0.0.1", int(port), backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

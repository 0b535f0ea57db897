"""The site that is probed: as little as an HTTP server can be, counting when each path was asked."""

import asyncio
import json
import sys
import time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Site:
    """Remembers the last asks of each path, and the distances between them."""

    def __init__(self) -> None:
        self.last: dict[bytes, float] = {}
        self.gaps: list[float] = []
        self.asked = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1]
            if path == b"/figures":
                body = json.dumps({"asked": self.asked, "paths": len(self.last), "gaps": self.gaps}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
            elif path == b"/forget":
                self.last.clear()
                self.gaps.clear()
                self.asked = 0
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


async def main() -> None:
    site = Site()
    server = await asyncio.start_server(site.handle, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

"""The load generator, a process of its own: 16 connections, each sends the next request when the last is acknowledged.

`python -m bench.ingest.load PORT KEY FIRST COUNT` sends requests numbered from FIRST.
"""

import asyncio
import sys
from collections.abc import Iterator

from bench.ingest.sample import numbered, templates

CONNECTIONS = 16


async def connection(port: int, key: str, todo: Iterator[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for body in todo:
        head = (
            f"POST /v1/logs HTTP/1.1\r\nHost: ingest\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/x-protobuf\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        reply = await reader.readuntil(b"\r\n\r\n")
        if not reply.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(reply.decode())
    writer.close()


async def main(port: int, key: str, first: int, count: int) -> None:
    bodies = templates()
    todo = (numbered(bodies[number % len(bodies)], number) for number in range(first, first + count))
    await asyncio.gather(*(connection(port, key, todo) for _ in range(CONNECTIONS)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))

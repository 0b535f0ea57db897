"""Customers, as a process of their own: `python -m bench.deploy.load PORT HOST FILE` until SIGTERM.

Keep-alive connections, half of their requests POST with a body; some slow ones; one WebSocket that should never close.
Writes one JSON line for each request: start (seconds since 1970), milliseconds, result, release, kind.
"""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import TextIO

import websockets

CONNECTIONS, SLOW, PAUSE_SECONDS, BODY = 12, 2, 0.002, b"x" * 700


class Customers:
    def __init__(self, port: int, host: str, out: TextIO) -> None:
        self.port, self.host, self.out = port, host, out
        self.stop = asyncio.Event()

    def note(self, began: float, took: float, result: str, release: str, kind: str) -> None:
        self.out.write(json.dumps([began, round(took * 1000, 3), result, release, kind]) + "\n")

    async def keep_asking(self, number: int) -> None:
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        turn = number
        slow = number < SLOW
        while not self.stop.is_set():
            turn += 1
            began, clock = time.time(), time.perf_counter()
            kind = "slow" if slow else "post" if turn % 2 else "get"
            try:
                if writer is None or reader is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                result, release = await asyncio.wait_for(self.ask(reader, writer, kind), 30)
            except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
                result, release = type(error).__name__, ""
                if writer is not None:
                    writer.close()
                reader = writer = None
            self.note(began, time.perf_counter() - clock, result, release, kind)
            await asyncio.sleep(PAUSE_SECONDS)
        if writer is not None:
            writer.close()

    async def ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str) -> tuple[str, str]:
        body = BODY if kind == "post" else b""
        method, path = ("POST", "/form") if kind == "post" else ("GET", "/slow?ms=800" if kind == "slow" else "/page")
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in answer.split("\r\n")[1:] if ": " in line)
        await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            raise ValueError("the connection was to be kept")
        return answer.split(" ", 2)[1], headers.get("golive-release", "")

    async def hold_websocket(self) -> None:
        while not self.stop.is_set():
            began = time.time()
            try:
                async with websockets.connect(
                    f"ws://{self.host}:{self.port}/ws", host="127.0.0.1", port=self.port, proxy=None
                ) as socket:
                    turn = 0
                    while not self.stop.is_set():
                        turn += 1
                        clock, began = time.perf_counter(), time.time()
                        await socket.send(str(turn))
                        release, said = str(await asyncio.wait_for(socket.recv(), 10)).split()
                        result = "200" if said == str(turn) else "mixed up"
                        self.note(began, time.perf_counter() - clock, result, release, "websocket")
                        await asyncio.sleep(0.1)
            except (OSError, TimeoutError, websockets.WebSocketException) as error:
                self.note(began, 0.0, type(error).__name__, "", "websocket")

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop.set)
        await asyncio.gather(*(self.keep_asking(i) for i in range(CONNECTIONS)), self.hold_websocket())


def main() -> None:
    port, host, file = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    with file.open("w") as out:
        asyncio.run(Customers(port, host, out).run())


if __name__ == "__main__":
    main()

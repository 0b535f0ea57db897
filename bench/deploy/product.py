"""What is deployed: an ASGI application that says its release, can be slow, and echoes on a WebSocket."""

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
RELEASE = os.environ.get("GOLIVE_RELEASE", "none").encode()


async def app(scope: Message, receive: Receive, send: Send) -> None:
    match scope["type"]:
        case "lifespan":
            await _live(receive, send)
        case "websocket":
            await _echo(receive, send)
        case _:
            await _answer(scope, receive, send)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _echo(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif message["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": f"{RELEASE.decode()} {message.get('text')}"})
        else:
            return


async def _answer(scope: Message, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/slow":
        await asyncio.sleep(int(parse_qs(scope["query_string"].decode()).get("ms", ["500"])[0]) / 1000)
    status = 500 if scope["path"] == "/broken" and os.environ.get("BROKEN") else 200
    headers = [(b"content-length", str(len(RELEASE)).encode()), (b"golive-release", RELEASE)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": RELEASE})

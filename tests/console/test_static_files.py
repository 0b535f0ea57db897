"""Static files from memory: encodings, conditional requests, nothing outside the folders."""

import asyncio
import gzip
from typing import Any

import brotli
import pytest

from golive.console.static_files import StaticFiles, encoding


async def other(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


APP = StaticFiles(other)


def get(path: str, method: str = "GET", query: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": path, "method": method, "headers": named, "query_string": query}
    asyncio.run(APP(scope, None, send))
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, sent[1]["body"]


def test_encodings() -> None:
    status, headers, plain = get("/static/console/console.css")
    assert (status, headers["content-type"]) == (200, "text/css; charset=utf-8")
    _, headers, packed = get("/static/console/console.css", accept_encoding="gzip, br")
    assert headers["content-encoding"] == "br"
    assert brotli.decompress(packed) == plain
    _, headers, packed = get("/static/console/console.css", accept_encoding="gzip")
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 2


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [("br", "br"), ("gzip;q=0.5, br;q=1.0", "br"), ("br;q=0, gzip", "gzip"), ("identity", ""), ("", "")],
)
def test_choice_of_encoding(accepted: str, chosen: str) -> None:
    assert encoding(accepted, {"": b"", "br": b"", "gzip": b""}) == chosen


def test_what_did_not_change_is_not_sent_again() -> None:
    _, headers, _ = get("/static/console/console.js", query=b"v=1")
    assert "immutable" in headers["cache-control"]
    status, _, body = get("/static/console/console.js", if_none_match=headers["etag"])
    assert (status, body) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../settings.py",
        "/static//etc/passwd",
        "/static/",
        "/static/nothing.js",
        "/static/a\0b",
        "/static/console",
    ],
)
def test_nothing_else_is_served(path: str) -> None:
    assert get(path)[0] == 404


def test_the_rest_goes_to_django() -> None:
    assert get("/p/acme/")[0] == 418
    assert get("/static/console/console.js", method="POST")[0] == 405

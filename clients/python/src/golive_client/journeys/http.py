"""The fixture `api`: an httpx client whose requests are tagged as synthetic and, on failure, kept as evidence."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from golive_client.journeys.plugin import RECORD
from golive_client.journeys.record import Folder
from golive_client.journeys.tag import Tag

PRIVATE = {"authorization", "cookie", "set-cookie", "proxy-authorization"}
LONGEST_BODY = 2000


class Log:
    """The requests of one test: what was asked and answered, without credentials."""

    def __init__(self, tag: Tag) -> None:
        self.tag, self.rows = tag, list[dict[str, object]]()

    def ask(self, request: httpx.Request) -> None:
        request.headers.update(self.tag.headers())
        request.extensions["golive_began"] = time.perf_counter()

    def answer(self, response: httpx.Response) -> None:
        response.read()
        began = response.request.extensions.get("golive_began", time.perf_counter())
        self.rows.append(
            {
                "method": response.request.method,
                "url": str(response.request.url.copy_with(query=None)),
                "status": response.status_code,
                "ms": round((time.perf_counter() - began) * 1000, 1),
                "headers": {name: value for name, value in response.headers.items() if name not in PRIVATE},
                "body": response.text[:LONGEST_BODY],
            }
        )

    def save(self, path: Path) -> None:
        path.write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")


class Loopback(httpx.HTTPTransport):
    """Names below localhost are this machine (RFC 6761), as in browsers; not every resolver knows that."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host.endswith(".localhost"):
            named = {**request.extensions, "sni_hostname": request.url.host}
            near = request.url.copy_with(host="127.0.0.1")  # the header Host stays as it is
            request = httpx.Request(
                request.method, near, headers=request.headers, stream=request.stream, extensions=named
            )
        return super().handle_request(request)


def tagged(base_url: str, log: Log) -> httpx.Client:
    """A client for the site; cookies are kept, redirects followed, each request tagged and logged."""
    hooks: dict[str, list[Callable[..., Any]]] = {"request": [log.ask], "response": [log.answer]}
    local = {"all://*.localhost": Loopback()}
    return httpx.Client(base_url=base_url, follow_redirects=True, timeout=30.0, event_hooks=hooks, mounts=local)


@pytest.fixture
def api(
    request: pytest.FixtureRequest, base_url: str, journey_tag: Tag, journey_folder: Folder
) -> Iterator[httpx.Client]:
    """A client for this journey; its requests are kept as evidence when the journey fails."""
    log = Log(journey_tag)
    with tagged(base_url, log) as client:
        yield client
    record = request.node.stash.get(RECORD, None)
    if record is not None and record.outcome != "passed" and log.rows:
        path, evidence = journey_folder.place(request.node.nodeid, "network", ".jsonl")
        log.save(path)
        record.evidence.append(evidence)


@pytest.fixture(scope="session")
def shared_api(base_url: str) -> Iterator[httpx.Client]:
    """A client for what several journeys need before they begin, such as an account; cookies belong to all of them."""
    with tagged(base_url, Log(Tag.new("preparation"))) as client:
        yield client

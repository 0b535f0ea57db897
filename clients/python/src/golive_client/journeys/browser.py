"""The fixture `page`: a page of a fresh browser context that leaves screenshot, trace, console and network on failure.

Where pytest-playwright is installed its `page` stays, and is watched all the same.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import (
    Error,
    Page,
    Request,
    Response,
    Route,
)

from golive_client.journeys.plugin import RECORD
from golive_client.journeys.record import Folder
from golive_client.journeys.tag import COOKIE, Tag, ticket


def pytest_configure(config: pytest.Config) -> None:
    if not config.pluginmanager.has_plugin("playwright"):
        config.pluginmanager.import_plugin("golive_client.journeys.page")


class Watch:
    """What happens on a page: its console and its requests."""

    def __init__(self, page: Page) -> None:
        self.console: list[dict[str, Any]] = []
        self.network: list[dict[str, Any]] = []
        page.on("console", lambda said: self.console.append({"type": said.type, "text": said.text}))
        page.on("pageerror", lambda error: self.console.append({"type": "exception", "text": str(error)}))
        page.on("response", self._answered)
        page.on("requestfailed", self._failed)

    def _answered(self, response: Response) -> None:
        request = response.request
        self.network.append({"method": request.method, "url": _plain(response.url), "status": response.status})

    def _failed(self, request: Request) -> None:
        self.network.append({"method": request.method, "url": _plain(request.url), "failed": request.failure})


def _plain(url: str) -> str:
    """An address without its query: links in mails carry tokens there."""
    return url.partition("?")[0]


@pytest.fixture(autouse=True)
def _watched_page(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tag and watch the page of a journey, if it has one."""
    record = request.node.stash.get(RECORD, None)
    if record is None or "page" not in request.fixturenames:
        yield
        return
    page: Page = request.getfixturevalue("page")
    tag: Tag = request.getfixturevalue("journey_tag")
    folder: Folder = request.getfixturevalue("journey_folder")
    base_url: str = request.getfixturevalue("base_url")
    page.context.route(f"{base_url}/**", lambda route: _tagged(route, tag))
    if ticket():  # a redirect from another site, such as a pay page, is not routed, but brings its cookies
        page.context.add_cookies([{"name": COOKIE, "value": ticket(), "url": base_url}])
    page.context.tracing.start(screenshots=True, snapshots=True)
    watch = Watch(page)
    yield
    failed = record.outcome != "passed"
    path, trace = folder.place(request.node.nodeid, "trace", ".zip")
    with suppress(Error):
        if failed:
            shot, screenshot = folder.place(request.node.nodeid, "screenshot", ".png")
            with suppress(Error):
                page.screenshot(path=shot, timeout=10_000)
                record.evidence.append(screenshot)
            page.context.tracing.stop(path=path)
            record.evidence.append(trace)
        else:
            page.context.tracing.stop()
    if not failed:
        return
    for kind, rows in (("console", watch.console), ("network", watch.network)):
        file, evidence = folder.place(request.node.nodeid, kind, ".jsonl")
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        record.evidence.append(evidence)


def _tagged(route: Route, tag: Tag) -> None:
    route.continue_(headers={**route.request.headers, **tag.headers()})

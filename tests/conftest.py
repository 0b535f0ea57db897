"""What any test may ask for: a running golive, its store, a PostgreSQL, a browser. Each is started once a worker."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, sync_playwright

from examples.demo.install import Install
from golive.sandbox.servers import PostgresServer

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    """Rates are counted by token in the cache, and each test's first token has the same number."""
    cache.clear()


@pytest.fixture(scope="session")
def golive_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Install]:
    """A whole golive on free ports and a data folder of its own."""
    install = Install(tmp_path_factory.mktemp("golive"))
    try:
        yield install.start()
    finally:
        install.stop()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A real PostgreSQL; make a database of your own with `postgres.create_database(name)`."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium; open a page of your own with `browser.new_page()`.

    Not for the whole session: while it is open its event loop runs in this thread, and asyncio.run is refused.
    """
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.fail("no Chromium: run `make setup`")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=Path(program), args=BROWSER_OPTIONS)
        yield chromium
        chromium.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stories first: each takes a worker for minutes, the many small tests fill what is left.

    Workers are handed tests by name: of two with one name only one would run, and nothing would say so.
    """
    twice = [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]
    if twice:
        raise pytest.UsageError(f"tests with one name run once: {', '.join(twice[:5])}")
    items.sort(key=lambda item: item.get_closest_marker("story") is None)

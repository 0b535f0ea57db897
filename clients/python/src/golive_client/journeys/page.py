"""The fixtures `browser`, `context` and `page`, where pytest-playwright does not bring its own."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, expect, sync_playwright

from golive_client.journeys.record import Unable

OPTIONS = ["--disable-dev-shm-usage", "--disable-background-networking"]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def browser_path(playwright: Playwright) -> str | None:
    """Chromium: what GOLIVE_CHROMIUM says, else Playwright's own, else the system's."""
    own = playwright.chromium.executable_path
    given = os.environ.get("GOLIVE_CHROMIUM")
    if given or os.path.exists(own):  # noqa: PTH110
        return given
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=browser_path(playwright), args=OPTIONS)
        except Error as error:
            raise Unable(f"Chromium does not start: {str(error).splitlines()[0]}") from error
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of its own for the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    expect.set_options(timeout=15_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page; everything it asks of the site is tagged as synthetic."""
    return context.new_page()

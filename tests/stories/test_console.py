"""A person's way through the console in a real browser: first visit, sign in, search, incident to its end."""

import re
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from examples.demo.install import Install
from tests.stories.senders import Sender

pytestmark = [pytest.mark.story, pytest.mark.browser]
EMAIL, PASSWORD = "eve@shop.example", "a quiet green morning"


@pytest.fixture(scope="module")
def project(golive_up: Install) -> str:
    """A project with 50 and more log lines."""
    made = golive_up.json("project", "add", "shop")
    with Sender(golive_up, made["ingest_key"], "checkout").sending():
        time.sleep(1)
    return str(made["slug"])


@pytest.fixture(scope="module")
def page(golive_up: Install, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    page = context.new_page()
    yield page
    context.close()


def test_first_visit_makes_the_owner(golive_up: Install, page: Page) -> None:
    page.goto(golive_up.json("owner", "link")["url"])
    page.fill("input[name=email]", EMAIL)
    page.fill("input[name=name]", "Eve")
    page.fill("input[name=password]", PASSWORD)
    page.locator("form button.btn-primary").click()
    page.wait_for_url(re.compile(r"^(?!.*/welcome/).*$"))
    assert "/accounts/login" not in page.url


def test_stranger_is_sent_to_sign_in_and_lands_where_they_wanted(
    golive_up: Install, browser: Browser, project: str
) -> None:
    context = browser.new_context()
    stranger = context.new_page()
    stranger.goto(f"{golive_up.url}/p/{project}/logs/")
    expect(stranger).to_have_url(re.compile("/accounts/login/"))
    stranger.fill("input[name=login]", EMAIL)
    stranger.fill("input[name=password]", PASSWORD)
    stranger.locator("form button.btn-primary").click()
    expect(stranger).to_have_url(re.compile(f"/p/{project}/logs/"))
    context.close()


def test_search_finds_one_line(golive_up: Install, page: Page, project: str) -> None:
    end = time.monotonic() + 40
    while time.monotonic() < end:
        page.goto(f"{golive_up.url}/p/{project}/logs/?q=" + '"checkout 1-7"')
        if page.get_by_text("checkout 1-7", exact=True).count():
            break
        time.sleep(1)
    expect(page.get_by_text("checkout 1-7", exact=True).first).to_be_visible()
    assert not page.get_by_text("checkout 1-8", exact=True).count()


def test_incident_from_opening_to_resolution(golive_up: Install, page: Page, project: str) -> None:
    token = golive_up.json("token", "create", "--scope", "*")["token"]
    with golive_up.client(token) as api:
        made = api.post(f"projects/{project}/incidents", json={"title": "Checkout is slow"})
        assert made.status_code == 201, made.text
        number = made.json()["number"]
        page.goto(f"{golive_up.url}/p/{project}/incidents/{number}/")
        expect(page.get_by_text("Checkout is slow").first).to_be_visible()
        page.get_by_role("button", name=re.compile("^Acknowledge")).first.click()
        expect(page.get_by_text(re.compile("cknowledged by")).first).to_be_visible()
        assert api.get(f"projects/{project}/incidents/{number}").json()["incident"]["state"] == "acknowledged"


def test_pages_answer_without_errors(golive_up: Install, page: Page, project: str) -> None:
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    names = ("", "logs/", "services/", "errors/", "checks/", "rules/", "incidents/", "statuspage/", "settings/")
    for name in names:
        answer = page.goto(f"{golive_up.url}/p/{project}/{name}")
        assert answer is not None
        assert answer.status == 200, name
        page.wait_for_timeout(500)
    assert wrong == []
    assert httpx.get(f"{golive_up.url}/healthz", trust_env=False).status_code == 200

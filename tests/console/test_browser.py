"""The frame in a real browser: the owner's first visit, signing in, second factors, keyboard, copying, themes."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, BrowserContext, Page, expect

from .conftest import Console

pytestmark = [pytest.mark.browser]
EMAIL, PASSWORD = "ada@acme.example", "correct horse battery"
ROOMS = [
    "business", "checks", "services", "errors", "rules", "logs", "traces", "incidents", "oncall", "notifications",
    "statuspage", "changes", "settings",
]  # fmt: skip
PAGES = [
    "/p/acme/",
    *(f"/p/acme/{room}/" for room in ROOMS),
    *("/people/", "/projects/", "/audit/", "/account/", "/search/?q=x", "/api/v1/docs"),
]


@pytest.fixture(scope="module")
def signed_in(console: Console, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The owner goes through the link that `golive owner link` prints; the browser's state afterwards."""
    link = console.golive("owner", "link", "--if-none")
    console.golive("project", "add", "Acme")
    context = browser.new_context(base_url=console.url)
    page = context.new_page()
    page.goto(link)
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the owner").click()
    page.wait_for_url("**/p/acme/")
    state = tmp_path_factory.mktemp("browser") / "state.json"
    context.storage_state(path=state)
    again = page.goto(link)
    assert again is not None
    assert again.status == 410
    context.close()
    assert console.golive("owner", "link", "--if-none") == ""
    return state


@pytest.fixture
def page(browser: Browser, console: Console, signed_in: Path, complaints: list[str]) -> Iterator[Page]:
    context = browser.new_context(
        base_url=console.url, storage_state=signed_in, permissions=["clipboard-read", "clipboard-write"]
    )
    context.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    context.on("weberror", lambda e: complaints.append(str(e.error)))
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_complains(page: Page, complaints: list[str], scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for path in PAGES:
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        page.wait_for_load_state("load")
        assert complaints == [], path


def test_every_page_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    for path in PAGES[:-1]:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="Settings")).to_be_visible()


def test_signing_in_and_out(context: BrowserContext, signed_in: Path, complaints: list[str]) -> None:
    page = context.new_page()
    page.goto("/people/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("The email address and/or password you specified are not correct.")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/people/")
    page.locator("summary", has_text="Ada").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")
    assert complaints == []


def test_a_second_factor(console: Console, context: BrowserContext, signed_in: Path) -> None:
    page = context.new_page()
    page.goto("/accounts/login/?next=/accounts/2fa/totp/activate/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Confirm").wait_for()  # a second factor is set up by whoever knows the password
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    secret = page.locator("#authenticator_secret").input_value()

    def code(step: int = 0) -> str:
        return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + step))

    page.get_by_label("Authenticator code").fill(code())
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_text("Recovery codes").first).to_be_visible()
    codes = page.locator("#recovery_codes").input_value().split()
    assert len(codes) == 10
    database = (Path(console.environment["GOLIVE_DATA"]) / "golive.db").read_bytes()
    assert secret.encode() not in database

    context.clear_cookies()
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Sign In", exact=True).click()
    expect(page.get_by_text("Incorrect code.")).to_be_visible()
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign In", exact=True).click()
    page.wait_for_url("**/p/acme/")
    page.goto("/account/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("a password and a second factor")
    console.forget_second_factors()


def test_settings_snippets_are_copied(page: Page) -> None:
    page.goto("/p/acme/settings/")
    page.get_by_role("button", name="New ingest key").click()
    key = page.locator("#new-key code").inner_text()
    assert key.startswith("gli_")
    page.locator("#snippet-environment").get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f'OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20{key}"' in copied
    page.get_by_role("tab", name="Node").click()
    expect(page.locator("#snippet-node")).to_be_visible()
    expect(page.locator("#snippet-environment")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Errors in Python")).to_have_attribute("aria-selected", "true")


def test_keyboard(page: Page) -> None:
    page.goto("/people/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url("**/p/acme/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()


def test_the_theme_is_kept(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/people/")
    root = page.locator("html")
    expect(root).to_have_attribute("data-bs-theme", "light")
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Theme").click()
    expect(root).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(root).to_have_attribute("data-bs-theme", "dark")


def test_an_invitation_is_made_and_taken(page: Page, context: BrowserContext) -> None:
    page.goto("/people/")
    page.get_by_label("Email").fill("bob@acme.example")
    page.get_by_label("Role", exact=True).select_option("responder")
    page.get_by_role("button", name="Make the invitation").click()
    link = page.locator(".notice code").inner_text()
    guest = context.new_page()
    guest.goto(link)
    guest.get_by_label("Name").fill("Bob")
    guest.get_by_label("Password").fill("another long one")
    guest.get_by_role("button", name="Join").click()
    guest.wait_for_url("**/p/acme/")
    guest.goto("/people/")
    expect(guest.get_by_role("button", name="Make the invitation")).to_have_count(0)
    page.goto("/people/")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Disable Bob").click()
    expect(page.get_by_text("Bob is signed out and disabled.")).to_be_visible()
    guest.goto("/people/")
    guest.wait_for_url("**/accounts/login/**")

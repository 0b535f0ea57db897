"""What acme's journeys share: people with accounts, and a browser that is logged in."""

import re
from collections.abc import Callable

import httpx
import pytest
from golive_client.journeys.mail import Mailbox
from playwright.sync_api import Page, expect

from checks.people import CARD, Person, register, somebody


@pytest.fixture
def stranger() -> Person:
    """Somebody new."""
    return somebody()


@pytest.fixture(scope="session")
def member(shared_api: httpx.Client, mailbox: Mailbox) -> Person:
    """A person with an account; shared by journeys that leave it as it was."""
    return register(shared_api, mailbox)


@pytest.fixture
def owner(shared_api: httpx.Client, mailbox: Mailbox) -> Person:
    """A person with an account of their own."""
    return register(shared_api, mailbox)


@pytest.fixture
def log_in(page: Page, base_url: str) -> Callable[[Person], None]:
    """Log somebody in by the form."""

    def enter(who: Person) -> None:
        page.goto(f"{base_url}/login")
        page.get_by_label("Email address").fill(who.email)
        page.get_by_label("Password").fill(who.password)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Projects")

    return enter


@pytest.fixture
def pay(page: Page) -> Callable[[str], None]:
    """Enter a card at the payment provider."""

    def enter(card: str) -> None:
        page.get_by_label("Card number").fill(card)
        page.get_by_label("Expires").fill("12 / 40")
        page.get_by_label("Security code").fill("123")
        page.get_by_role("button", name=re.compile("^Pay")).click()

    return enter


@pytest.fixture
def on_plan(page: Page, base_url: str) -> Callable[[str], None]:
    """Wait until the plan page says so: the provider tells acme a moment after a payment."""

    def see(plan: str) -> None:
        page.goto(f"{base_url}/billing")
        for _ in range(60):
            if plan in page.get_by_role("heading", level=1).inner_text():
                return
            page.wait_for_timeout(500)
            page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"You are on the {plan} plan")

    return see


@pytest.fixture
def subscribed(
    page: Page,
    base_url: str,
    owner: Person,
    log_in: Callable[[Person], None],
    pay: Callable[[str], None],
    on_plan: Callable[[str], None],
) -> Person:
    """An owner on the Team plan, logged in."""
    log_in(owner)
    page.goto(f"{base_url}/billing")
    page.get_by_role("button", name="Upgrade to Team").click()
    pay(CARD)
    on_plan("Team")
    return owner

"""Somebody who forgot the password chooses a new one by the mailed link; the old one is refused from then on."""

from collections.abc import Callable
from dataclasses import replace

from golive_client.journeys import journey, step
from golive_client.journeys.mail import Mailbox
from playwright.sync_api import Page, expect

from checks.people import Person


@journey(proves=["auth.reset", "email.reset"])
def test_reset(page: Page, base_url: str, owner: Person, mailbox: Mailbox, log_in: Callable[[Person], None]) -> None:
    with step("ask for a link"):
        page.goto(f"{base_url}/login")
        page.get_by_role("link", name="Forgot your password?").click()
        page.get_by_label("Email address").fill(owner.email)
        page.get_by_role("button", name="Send me a link").click()
        link = mailbox.wait(to=owner.email, subject="new password").links[0]
    with step("choose a new password"):
        page.goto(link)
        changed = replace(owner, password="new-" + owner.password)
        page.get_by_label("Password").fill(changed.password)
        page.get_by_role("button", name="Save password").click()
        expect(page.get_by_role("status")).to_contain_text("Your password is set")
        page.get_by_role("button", name="Log out").click()
    with step("log in with it"):
        log_in(changed)
        page.get_by_role("button", name="Log out").click()
    with step("refuse the old one and the used link"):
        page.goto(f"{base_url}/login")
        page.get_by_label("Email address").fill(owner.email)
        page.get_by_label("Password").fill(owner.password)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("wrong")
        answer = page.goto(link)
        assert answer is not None
        assert answer.status == 410

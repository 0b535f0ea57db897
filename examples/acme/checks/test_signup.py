"""Somebody new signs up, confirms by the mailed link, and is in."""

from golive_client.journeys import journey, step
from golive_client.journeys.mail import Mailbox
from playwright.sync_api import Page, expect

from checks.people import Person


@journey(proves=["auth.signup", "email.verification"])
def test_signup(page: Page, base_url: str, stranger: Person, mailbox: Mailbox) -> None:
    with step("fill in the form"):
        page.goto(f"{base_url}/")
        page.get_by_role("navigation").get_by_role("link", name="Sign up").click()
        page.get_by_label("Your name").fill(stranger.name)
        page.get_by_label("Team name").fill(stranger.team)
        page.get_by_label("Email address").fill(stranger.email)
        page.get_by_label("Password").fill(stranger.password)
        page.get_by_role("button", name="Create account").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Check your mail")
    with step("open the mailed link"):
        mail = mailbox.wait(to=stranger.email, subject="Confirm")
        page.goto(mail.links[0])
        expect(page.get_by_role("status")).to_contain_text("Your address is confirmed")
        expect(page.get_by_text(stranger.team)).to_be_visible()

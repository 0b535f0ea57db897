"""A new account goes through its first steps, and each is ticked off."""

from golive_client.journeys import journey, step
from golive_client.journeys.mail import Mailbox
from playwright.sync_api import Page, expect

from checks.people import DOMAIN, Person


@journey(proves="onboarding.steps")
def test_onboarding(page: Page, base_url: str, stranger: Person, mailbox: Mailbox) -> None:
    with step("sign up and confirm"):
        page.goto(f"{base_url}/signup")
        page.get_by_label("Your name").fill(stranger.name)
        page.get_by_label("Team name").fill(stranger.team)
        page.get_by_label("Email address").fill(stranger.email)
        page.get_by_label("Password").fill(stranger.password)
        page.get_by_role("button", name="Create account").click()
        page.goto(mailbox.wait(to=stranger.email, subject="Confirm").links[0])
        expect(page.locator("[data-step='onboarding.address_confirmed']")).to_have_class("done")
    with step("make a project and a task"):
        page.get_by_label("Name of the new project").fill("First")
        page.get_by_role("button", name="Add project").click()
        page.locator("input[name=title]").fill("Try acme")
        page.locator("input[name=title]").press("Enter")
        page.goto(f"{base_url}/app")
        expect(page.locator("[data-step='onboarding.task_created']")).to_have_class("done")
    with step("invite a colleague, which is the last step"):
        page.get_by_role("link", name="Invite a colleague").click()
        page.get_by_label("Email address of the new member").fill(f"colleague-of-{stranger.email}")
        page.get_by_role("button", name="Invite").click()
        expect(page.get_by_role("status")).to_contain_text("is invited")
        page.goto(f"{base_url}/app")
        expect(page.locator("[data-step]")).to_have_count(0)
    assert stranger.email.endswith(DOMAIN)

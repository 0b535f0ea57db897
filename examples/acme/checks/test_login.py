"""A member logs in and out; a wrong password is refused."""

from collections.abc import Callable

from golive_client.journeys import journey, step
from playwright.sync_api import Page, expect

from checks.people import Person


@journey(proves="auth.login")
def test_login(page: Page, base_url: str, member: Person, log_in: Callable[[Person], None]) -> None:
    with step("refuse a wrong password"):
        page.goto(f"{base_url}/login")
        page.get_by_label("Email address").fill(member.email)
        page.get_by_label("Password").fill("not-" + member.password)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("wrong")
    with step("log in"):
        log_in(member)
    with step("log out"):
        page.get_by_role("button", name="Log out").click()
        page.goto(f"{base_url}/app")
        expect(page.get_by_role("heading", level=1)).to_have_text("Log in")

"""A second factor is set up and asked for at the next login; a wrong code and one that was used are refused."""

import base64
import hashlib
import hmac
import time

from golive_client.journeys import journey, step
from playwright.sync_api import Page, expect

from checks.people import Person


def code_of(secret: str, ahead: int = 0) -> str:
    """The code of an authenticator app now, or steps later or before (RFC 6238)."""
    counter = int(time.time()) // 30 + ahead
    digest = hmac.new(base64.b32decode(secret), counter.to_bytes(8, "big"), hashlib.sha1).digest()
    number = int.from_bytes(digest[digest[-1] & 15 :][:4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def give_password(page: Page, base_url: str, who: Person) -> None:
    page.goto(f"{base_url}/login")
    page.get_by_label("Email address").fill(who.email)
    page.get_by_label("Password").fill(who.password)
    page.get_by_role("button", name="Log in").click()


@journey(proves="auth.mfa")
def test_second_factor(page: Page, base_url: str, owner: Person) -> None:
    with step("turn it on"):
        give_password(page, base_url, owner)
        page.goto(f"{base_url}/security")
        secret = page.locator("#totp-secret").inner_text()
        page.get_by_label("Code").fill(code_of(secret, -1))
        page.get_by_role("button", name="Turn on").click()
        expect(page.get_by_role("status")).to_contain_text("needs a code")
        page.get_by_role("button", name="Log out").click()
    with step("refuse a wrong code"):
        give_password(page, base_url, owner)
        page.get_by_label("Code of your authenticator app").fill("000000")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("wrong")
    with step("log in with the right one"):
        code = code_of(secret)
        page.get_by_label("Code of your authenticator app").fill(code)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Projects")
        page.get_by_role("button", name="Log out").click()
    with step("refuse it a second time"):
        give_password(page, base_url, owner)
        page.get_by_label("Code of your authenticator app").fill(code)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("wrong or was used")

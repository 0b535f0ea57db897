"""A login with two steps, first steps, mails that follow, the support form."""

import re
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from acme.letters import send_due
from acme.mail import Letter
from acme.second_factor import code_of, step_at
from acme.settings import Settings
from acme.web.identity import SESSION_COOKIE
from tests.integration.conftest import PASSWORD, Browser


def turned_on(browser: Browser) -> str:
    """Switch the second factor on; its secret."""
    found = re.search(r'id="totp-secret">([A-Z2-7]+)<', browser.get("/security"))
    assert found
    now = step_at(datetime.now(UTC))
    assert browser.post("/security/code", "/security", code=code_of(found[1], now - 1)).status_code == 303
    return found[1]


def test_a_login_needs_the_code_and_a_code_works_once(browser: Browser, other: Browser) -> None:
    browser.sign_up()
    secret = turned_on(browser)
    answer = other.post("/login", email="ada@example.com", password=PASSWORD, next="/app/reports")
    assert answer.headers["location"] == "/login/code?next=/app/reports"
    assert SESSION_COOKIE not in other.client.cookies
    assert other.post("/login/code", code="000000").status_code == 401
    code = code_of(secret, step_at(datetime.now(UTC)))
    assert other.post("/login/code", code=code, next="/app/reports").headers["location"] == "/app/reports"
    assert SESSION_COOKIE in other.client.cookies
    other.client.cookies.clear()
    other.post("/login", email="ada@example.com", password=PASSWORD)
    assert other.post("/login/code", code=code).status_code == 401


def test_a_reset_link_does_not_replace_the_code(browser: Browser, other: Browser) -> None:
    browser.sign_up()
    turned_on(browser)
    other.post("/forgot", email="ada@example.com")
    link = other.mailed_link("ada@example.com")
    token = link.partition("token=")[2]
    answer = other.post("/reset", link, token=token, password="another long phrase")
    assert answer.headers["location"].startswith("/login?")
    assert SESSION_COOKIE not in other.client.cookies


def test_first_steps_are_ticked_off_once(browser: Browser) -> None:
    browser.sign_up()
    assert 'class="done" data-step="onboarding.address_confirmed"' in browser.get("/app")
    browser.post("/app/projects", "/app", name="One")
    page = browser.get("/app")
    assert 'class="done" data-step="onboarding.project_created"' in page
    assert 'data-step="onboarding.colleague_invited"><a href="/team">' in page


def test_the_sequence_is_sent_once_and_stops_on_request(
    browser: Browser, db: Session, letters: list[Letter], settings: Settings
) -> None:
    browser.sign_up()
    now = datetime.now(UTC) + timedelta(seconds=5)

    def run(after: timedelta) -> list[str]:
        before = len(letters)
        send_due(db, letters.append, settings.url, settings.secret, now + after)
        return [letter.subject for letter in letters[before:]]

    assert run(timedelta()) == ["Welcome to acme"]
    assert run(timedelta()) == []
    assert run(timedelta(days=1)) == ["Your first project on acme"]
    away = re.search(r"<http://testserver(\S+)>", letters[-1].headers["List-Unsubscribe"])
    assert away
    assert browser.client.post(away[1] + "x").status_code == 410
    assert browser.client.post(away[1], data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert run(timedelta(days=3)) == []


def test_support_gets_a_mail_that_can_be_answered(browser: Browser, letters: list[Letter]) -> None:
    sent = browser.post("/support", email="eve@example.com", message="It does not work\nat all")
    assert sent.headers["location"].startswith("/support?told=Thank")
    assert (letters[-1].to, letters[-1].subject) == ("support@acme.example", "Support: It does not work")
    assert letters[-1].headers["Reply-To"] == "eve@example.com"
    assert browser.post("/support", email="nobody", message="x").status_code == 422

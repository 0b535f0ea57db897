"""The mails that follow a signup come at their time, moved by ACME_LETTERS, and stop when somebody asks."""

import os
import shlex
import subprocess
from datetime import UTC, datetime, timedelta

import httpx
from golive_client.journeys import journey, step
from golive_client.journeys.mail import Mailbox
from playwright.sync_api import Page, expect

from checks.people import Person, register


def send_letters(after: timedelta) -> None:
    """Send what is due so much later: the program of ACME_LETTERS with the time as its last word."""
    when = datetime.now(UTC) + after + timedelta(seconds=5)
    subprocess.run([*shlex.split(os.environ["ACME_LETTERS"]), when.isoformat()], check=True, capture_output=True)  # noqa: S603


@journey(proves=["email.sequence", "email.unsubscribe"])
def test_letters(page: Page, shared_api: httpx.Client, mailbox: Mailbox) -> None:
    who: Person = register(shared_api, mailbox)
    with step("the welcome comes at once"):
        send_letters(timedelta())
        assert mailbox.wait(to=who.email, subject="Welcome to acme").links
    with step("a day later the one about projects"):
        send_letters(timedelta(days=1))
        letter = mailbox.wait(to=who.email, subject="first project")
        assert len(mailbox.messages(to=who.email, subject="Welcome to acme")) == 1
    with step("stop them"):
        page.goto(next(link for link in letter.links if "unsubscribe" in link))
        page.get_by_role("button", name="Stop these mails").click()
        expect(page.locator("main")).to_contain_text("You get no more of them")
        send_letters(timedelta(days=3))
        assert not mailbox.messages(to=who.email, subject="better together")

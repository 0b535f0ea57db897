"""At 3 a.m. on a phone: from the mail to the way out in four taps, the cause in sight from the first."""

import json
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from golive.sandbox.mail import MailSink
from tests.incidents.test_browser import EMAIL, FLIP, PASSWORD, PREPARE, console, place  # noqa: F401
from tests.notify.place import Place

BREAK = """
from golive.flags import switch
from golive.flags.models import FlagState
from golive.notify import delivery
from golive.notify.models import Channels
from golive.people.models import Project
from django.utils import timezone
project = Project.objects.get()
Channels.objects.create(project=project, email="smtp://127.0.0.1:{port}", sender="alerts@acme.example")
flag = switch.create(project, "new-checkout", "ada@acme.example", timezone.now())
switch.on(switch.state_of(flag), "ada@acme.example", timezone.now())
"""
SEND = "\ndelivery.deliver_due()\n"
LOOK = """
from golive.flags.models import FlagState
from golive.incidents.models import Incident
print(json.dumps([Incident.objects.get().state, FlagState.objects.get().killed]))
"""
PICTURES = os.environ.get("GOLIVE_PICTURES")  # a folder: look at what was seen


class Phone:
    """Counts taps and keeps pictures."""

    def __init__(self, page: Page) -> None:
        self.page, self.taps = page, 0

    def tap(self, name: str) -> None:
        self.taps += 1
        self.page.get_by_role("button", name=name).or_(self.page.get_by_role("link", name=name)).first.tap()

    def look(self, name: str) -> None:
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 360
        if PICTURES:
            self.page.screenshot(path=Path(PICTURES) / f"three-am-{name}.png")


@pytest.mark.browser
def test_mail_acknowledge_cause_way_out(browser: Browser, place: Place, console: str, tmp_path: Path) -> None:  # noqa: F811
    with MailSink(tmp_path / "mail") as sink:
        script = PREPARE + BREAK.format(port=sink.smtp_port) + FLIP.format(old="ok", new="firing") + SEND
        place.run(script)
        (mail,) = sink.mailbox.messages(subject="[critical]")
        link = re.search(r"Acknowledge: \S+?(/a/\S+)", mail.text)[1]
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, color_scheme="dark")
    phone = Phone(context.new_page())
    phone.page.goto(f"{console}/accounts/login/?next=/")  # the phone is signed in, as phones are
    phone.page.get_by_label("Email").fill(EMAIL)
    phone.page.get_by_label("Password").fill(PASSWORD)
    phone.page.keyboard.press("Enter")
    phone.page.wait_for_url(lambda url: "login" not in url, timeout=60_000)

    phone.taps += 1
    phone.page.goto(console + link)  # the tap in the mail
    expect(phone.page.get_by_text("home is down: refused")).to_be_visible()
    expect(phone.page.get_by_text("new-checkout")).to_be_visible()  # what changed just before
    phone.look("1-mail")
    phone.tap("Acknowledge")
    expect(phone.page.get_by_text("Pages have stopped")).to_be_visible(timeout=30_000)
    phone.look("2-acknowledged")
    phone.tap("Open the incident")
    expect(phone.page.get_by_role("heading", level=1)).to_contain_text("is on it", timeout=30_000)
    phone.look("3-cause")
    phone.tap("Switch flag new-checkout off")
    expect(phone.page.get_by_text("Flag new-checkout switched off").first).to_be_visible(timeout=30_000)
    phone.look("4-out")
    assert phone.taps <= 4
    context.close()
    assert json.loads(json.dumps(place.run(LOOK))) == ["acknowledged", True]

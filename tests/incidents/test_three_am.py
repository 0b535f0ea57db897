"""At 3 a.m. on a phone: from the mail to the way out in four taps, the cause in sight from the first."""

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from examples.demo.install import free_ports
from golive.sandbox.mail import MailSink
from tests.incidents.test_browser import EMAIL, FLIP, PASSWORD, PREPARE, console, place, serving  # noqa: F401
from tests.notify.place import Place
from tests.releases.conftest import QUICK, SHOP

CHANNEL = """
from golive.notify import delivery
from golive.notify.models import Channels
from golive.people.models import Project
Channels.objects.create(project=Project.objects.get(), email="smtp://127.0.0.1:{port}", sender="alerts@acme.example")
"""
FLAG = """
from golive.flags import switch
from django.utils import timezone
project = Project.objects.get()
flag = switch.create(project, "new-checkout", "ada@acme.example", timezone.now())
switch.on(switch.state_of(flag), "ada@acme.example", timezone.now())
"""
SEND = "\ndelivery.deliver_due()\n"
LOOK = """
from golive.flags.models import FlagState
from golive.incidents.models import Incident
print(json.dumps([Incident.objects.get().state, FlagState.objects.get().killed]))
"""
SHIP = """
import shutil
from pathlib import Path
from golive.releases import door
from golive.releases.models import DeploySettings
project = Project.objects.get()
DeploySettings.objects.create(project=project, deploy={settings!r})
for number, behaviour in enumerate({behaviours!r}, start=1):
    source = Path({folder!r}) / str(number)
    shutil.copytree({shop!r}, source)
    (source / "behaviour.json").write_text(json.dumps(behaviour))
    outcome = door.deploy(door.build(project, source, f"{{number:040x}}"[::-1], by="ben@acme.example"),
                          door.environment(project), by="ben@acme.example")
    assert outcome.well, outcome.reason
print(json.dumps([one.name for one in project.releases.order_by("number")]))
"""
ENDED = """
from golive.incidents.models import Incident
from golive.releases.models import Deploy
incident = Incident.objects.get()
print(json.dumps([incident.state, [entry.text for entry in incident.timeline.filter(kind="action")],
                  Deploy.objects.latest("id").kind, Deploy.objects.latest("id").by]))
"""
CLEAN = """
import signal
from golive.releases.host import keeper, units
from golive.releases.host.keeper import KeeperSupervisor
from golive.releases.host.place import place
where = place()
names = units.names(where)
KeeperSupervisor(where).stop(names)
units.wait_gone(where, names, 20)
if pid := keeper.keeper_pid(where):
    os.kill(pid, signal.SIGTERM)
"""
PICTURES = os.environ.get("GOLIVE_PICTURES")  # a folder: look at what was seen


class Phone:
    """Counts taps and keeps pictures."""

    def __init__(self, page: Page) -> None:
        self.page, self.taps = page, 0
        self.asked: list[str] = []

    def tap(self, name: str, *, confirming: bool = False) -> None:
        """Tap a button or link; the answer to what it asks back is a tap as well."""
        self.taps += 1 + confirming
        if confirming:
            self.page.once("dialog", lambda dialog: (self.asked.append(dialog.message), dialog.accept()))
        self.page.get_by_role("button", name=name).or_(self.page.get_by_role("link", name=name)).first.tap()

    def look(self, name: str) -> None:
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 360
        if PICTURES:
            self.page.screenshot(path=Path(PICTURES) / f"three-am-{name}.png")


def signed_in(browser: Browser, console: str) -> tuple[BrowserContext, Phone]:  # noqa: F811
    """A phone on which ada signed in some day."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, color_scheme="dark")
    context.set_default_timeout(180_000)  # a busy machine is slow
    phone = Phone(context.new_page())
    phone.page.goto(f"{console}/accounts/login/?next=/")
    phone.page.get_by_label("Email").fill(EMAIL)
    phone.page.get_by_label("Password").fill(PASSWORD)
    phone.page.keyboard.press("Enter")
    phone.page.wait_for_url(lambda url: "login" not in url, timeout=180_000)
    return context, phone


@pytest.mark.browser
def test_mail_acknowledge_cause_switch_off(browser: Browser, place: Place, console: str, tmp_path: Path) -> None:  # noqa: F811
    with MailSink(tmp_path / "mail") as sink:
        script = CHANNEL.format(port=sink.smtp_port) + FLAG + FLIP.format(old="ok", new="firing") + SEND
        place.run(PREPARE + script)
        (mail,) = sink.mailbox.messages(subject="[critical]")
        link = re.search(r"Acknowledge: \S+?(/a/\S+)", mail.text)[1]
    context, phone = signed_in(browser, console)

    phone.taps += 1
    phone.page.goto(console + link)  # the tap in the mail
    expect(phone.page.get_by_text("home is down: refused")).to_be_visible(timeout=180_000)
    expect(phone.page.get_by_text("new-checkout")).to_be_visible()  # what changed just before
    phone.look("flag-1-mail")
    phone.tap("Acknowledge")
    expect(phone.page.get_by_role("heading", level=1)).to_contain_text("is on it", timeout=180_000)
    expect(phone.page.get_by_text("Pages have stopped")).to_be_visible()
    phone.look("flag-2-cause")
    phone.tap("Switch flag new-checkout off", confirming=True)
    expect(phone.page.get_by_text("Flag new-checkout switched off").first).to_be_visible(timeout=180_000)
    phone.look("flag-3-out")
    assert phone.taps <= 4
    context.close()
    assert json.loads(json.dumps(place.run(LOOK))) == ["acknowledged", True]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Place, str, int]]:
    """A golive that knows its own address, with a front for releases; ended with all that it started."""
    web, front, secure = free_ports(3)
    url = f"http://127.0.0.1:{web}"
    for name, value in {
        "GOLIVE_URL": url,
        "GOLIVE_HTTP_PORT": str(front),
        "GOLIVE_HTTPS_PORT": str(secure),
        "GOLIVE_FRONT_LISTEN": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    made = Place(tmp_path / "data")
    with serving(made, web):
        yield made, url, front
    made.run(CLEAN)


@pytest.mark.browser
def test_mail_acknowledge_cause_roll_back(browser: Browser, host: tuple[Place, str, int], tmp_path: Path) -> None:
    """The whole way in a real mail, with a release that customers are served by: four taps, the last confirms."""
    place, url, front = host  # noqa: F811
    run = f"{sys.executable} server.py $SOCKET"
    ship = SHIP.format(
        settings={**QUICK, "processes": {"web": {"run": run}}, "build": []},
        behaviours=[{}, {"fail": "/checkout"}],
        folder=str(tmp_path),
        shop=str(SHOP),
    )
    with MailSink(tmp_path / "mail") as sink:
        good, bad = place.run(PREPARE + ship)
        assert served(front, "/") == (200, bad)
        assert served(front, "/checkout")[0] == 500  # which the incident is about
        place.run(CHANNEL.format(port=sink.smtp_port) + FLIP.format(old="ok", new="firing") + SEND)
        (mail,) = sink.mailbox.messages(subject="[critical]")
    context, phone = signed_in(browser, url)
    assert mail.html is not None
    phone.page.goto("about:blank")
    phone.page.set_content(mail.html)
    phone.look("1-mail")

    phone.tap("Acknowledge")
    expect(phone.page.get_by_text("home is down: refused")).to_be_visible(timeout=180_000)
    expect(phone.page.get_by_text(bad).first).to_be_visible()  # what changed just before: the deploy
    phone.look("2-link")
    phone.tap("Acknowledge")
    expect(phone.page.get_by_role("heading", level=1)).to_contain_text("is on it", timeout=180_000)
    expect(phone.page.get_by_role("button", name=f"Roll back to {good}")).to_be_in_viewport()
    phone.look("3-cause")
    phone.tap(f"Roll back to {good}", confirming=True)
    expect(phone.page.get_by_text(f"production rolled back to {good}").first).to_be_visible(timeout=180_000)
    phone.look("4-rolled-back")
    context.close()
    assert phone.taps <= 4
    assert "one flip" in phone.asked[0]
    assert served(front, "/checkout") == (200, good)
    state, actions, kind, by = place.run(ENDED)
    assert (state, kind, by) == ("acknowledged", "rollback", EMAIL)
    assert actions[0].startswith(f"production rolled back to {good}")


def served(port: int, path: str) -> tuple[int, str]:
    """What customers get: the status and the name of the release."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": "acme.localhost"})
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()

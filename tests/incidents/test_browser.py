"""A responder's way through an incident in a real browser, on a narrow screen."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from golive.sandbox.servers import free_port
from tests.notify.place import Place

EMAIL, PASSWORD = "ada@acme.example", "correct horse battery"
PREPARE = f"""
from golive.people.models import Project, Role, User
from golive.oncall.models import OnCall
User.objects.create_person("{EMAIL}", "{PASSWORD}", Role.RESPONDER)
OnCall.objects.create(project=Project.objects.create(slug="acme", name="acme"), people=["{EMAIL}"])
"""
FLIP = """
from django.utils import timezone
from golive.alerts.flips import record
from golive.alerts.models import Severity, State
from golive.incidents import service
from golive.people.models import Project
record(Project.objects.get(), "check:home", title="home is down", old="{old}", new="{new}",
       severity=Severity.CRITICAL, reason="refused", at=timezone.now())
service.beat()
"""
WEB = """
import uvicorn
uvicorn.run("golive.asgi:application", port={port}, log_level="error")
"""
LOOK = """
from golive.incidents.models import Incident
incident = Incident.objects.get()
print(json.dumps([incident.state, incident.fix_release, incident.acknowledged_by]))
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def console(place: Place) -> Iterator[str]:
    with serving(place, free_port()) as url:
        yield url


@contextmanager
def serving(place: Place, port: int) -> Iterator[str]:
    """The console of a place, while it lasts; its address."""
    web = place.start(WEB.format(port=port))
    url = f"http://127.0.0.1:{port}"
    while True:
        assert web.poll() is None
        try:
            urllib.request.urlopen(f"{url}/accounts/login/")
            break
        except urllib.error.URLError:
            time.sleep(0.2)
    try:
        yield url
    finally:
        web.kill()
        web.wait()


@pytest.mark.browser
def test_acknowledge_note_resolve(browser: Browser, place: Place, console: str) -> None:
    place.run(PREPARE + FLIP.format(old="ok", new="firing"))
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.set_default_timeout(180_000)
    headline = page.get_by_role("heading", level=1)
    page.goto(f"{console}/accounts/login/?next=/p/acme/incidents/1/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(headline).to_contain_text("nobody has acknowledged it", timeout=180_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

    page.get_by_role("button", name="Acknowledge").click()
    expect(headline).to_contain_text(f"{EMAIL} is on it", timeout=180_000)
    page.get_by_label("Add a note").fill("Out of memory, restarting")
    page.get_by_role("button", name="Write note").click()
    expect(page.get_by_text("Out of memory, restarting")).to_be_visible(timeout=180_000)

    place.run(FLIP.format(old="firing", new="ok"))
    expect(headline).to_contain_text("recovered after", timeout=180_000)  # by itself, without a reload

    page.get_by_label("Cause", exact=True).fill("A leak in the report worker")
    page.get_by_label("Fixing release").fill("v1.4.3")
    page.get_by_role("button", name="Resolve incident #1").click()
    expect(headline).to_contain_text("resolved", timeout=180_000)
    page.close()
    assert place.run(LOOK) == ["resolved", "v1.4.3", EMAIL]


LISTEN = """
(path) => { window.told = []; const source = new EventSource(path);
  source.addEventListener("moved", () => told.push("moved"));
  source.addEventListener("here", (event) => told.push(event.data)); }
"""


@pytest.mark.browser
def test_several_people_at_once(browser: Browser, place: Place, console: str) -> None:
    """What one does is told to the other at once by the server, and each sees that the other looks."""
    ben = f'User.objects.create_person("ben@acme.example", "{PASSWORD}", Role.RESPONDER)\n'
    place.run(PREPARE + ben + FLIP.format(old="ok", new="firing"))
    pages = []
    for email in (EMAIL, "ben@acme.example"):
        page = browser.new_context().new_page()
        page.set_default_timeout(180_000)
        page.goto(f"{console}/accounts/login/?next=/p/acme/incidents/1/")
        page.get_by_label("Email").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator("[data-listening=yes]")).to_be_attached(timeout=180_000)
        pages.append(page)
    ada, his = pages
    expect(ada.get_by_text("ben@acme.example looks at this too")).to_be_visible(timeout=180_000)
    his.evaluate(LISTEN, "/p/acme/incidents/1/events/")
    his.wait_for_function("() => told.length > 0", timeout=180_000)
    ada.get_by_label("Add a note").fill("The disk is full")
    ada.get_by_role("button", name="Write note").click()
    his.wait_for_function("() => told.includes('moved')", timeout=180_000)
    expect(his.get_by_text("The disk is full")).to_be_visible(timeout=180_000)
    ada.goto("about:blank")
    expect(his.get_by_text("looks at this too")).to_be_hidden(timeout=180_000)
    for page in pages:
        page.context.close()

"""A responder's way through an incident in a real browser, on a narrow screen."""

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect

from golive.alerts.models import State as Source
from golive.incidents import service
from golive.incidents.models import Incident
from golive.people.models import Role, User

PASSWORD = "correct horse battery"


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_acknowledge_note_resolve(browser: Browser, live_server, on_call, flip, monkeypatch):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's loop runs in this thread
    User.objects.create_person("ada@acme.example", PASSWORD, Role.RESPONDER)
    flip()
    service.beat()
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto(f"{live_server.url}/accounts/login/?next=/p/acme/incidents/1/")
    page.get_by_label("Email").fill("ada@acme.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("nobody has acknowledged it")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ada@acme.example is on it")
    page.get_by_label("Add a note").fill("Out of memory, restarting")
    page.get_by_role("button", name="Write note").click()
    expect(page.get_by_text("Out of memory, restarting")).to_be_visible()

    flip(new=Source.OK)
    service.beat()
    expect(page.get_by_role("heading", level=1)).to_contain_text("recovered after")  # by itself, without a reload

    page.get_by_label("Cause").fill("A leak in the report worker")
    page.get_by_label("Fixing release").fill("v1.4.3")
    page.get_by_role("button", name="Resolve incident #1").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("resolved")
    incident = Incident.objects.get()
    assert (incident.state, incident.fix_release) == ("resolved", "v1.4.3")
    assert incident.resolved_at <= timezone.now()
    page.close()

"""The support item: what proves nothing is said so, and golive's own inbox is read and left as it was."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from golive.people.models import Project
from golive.readiness.asking import Site
from golive.readiness.item import Place, Subject
from golive.readiness.items.support import SupportSettings, examine_own, examine_site
from golive.readiness.planted import LOOPBACK
from golive.readiness.verdict import CannotTell
from golive.sandbox.hosting import Hosted
from golive.support import desk
from golive.support.models import Conversation, Inbox

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
WANTED = SupportSettings(fields={"text": "{{message}}"}, within=timedelta(seconds=1))


def product() -> Starlette:
    """A front page that links to a form, which drops what is written."""

    def front(request: Request) -> Response:
        return HTMLResponse('<a href="/support">Help</a>')

    def form(request: Request) -> Response:
        return HTMLResponse("<form></form>")

    return Starlette(routes=[Route("/", front), Route("/support", form, methods=["GET", "POST"])])


def test_what_arrived_before_it_was_sent_proves_nothing() -> None:
    with Hosted(product()) as hosted, pytest.raises(CannotTell, match="before it was sent"):
        examine_site(Site(hosted.url, policy=LOOPBACK), WANTED, lambda nonce: True)


def subject(project: Project, url: str) -> Subject:
    return Subject(project.slug, project.pk, Place.PREVIEW, url, NOW, WANTED, source=Path(), policy=LOOPBACK)


@pytest.mark.django_db
def test_without_an_inbox_nothing_is_told() -> None:
    project = Project.objects.create(slug="mute", name="mute")
    with pytest.raises(CannotTell, match="own inbox"):
        examine_own(subject(project, "http://127.0.0.1:9"), WANTED)


@pytest.mark.django_db
@pytest.mark.parametrize("kept", [True, False])
def test_golives_own_inbox_is_read_and_left_as_it_was(kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.objects.create(slug="acme", name="acme")
    inbox = Inbox.objects.create(project=project, address="support@acme.example")
    desk.take_form(inbox, email="eve@b.example", name="Eve", subject="Hello", text="A customer's.", now=NOW)

    def sent(self: object, path: str, fields: dict[str, str], form: str = "") -> object:
        if kept:  # in this process, as golive's own page does it in its own
            about = {name: fields[name] for name in ("email", "name", "subject", "text")}
            desk.take_form(inbox, now=NOW, **about)
        return site.get("/support")

    monkeypatch.setattr("golive.readiness.items.support.Visitor.submit", sent)
    with Hosted(product()) as hosted:
        site = Site(hosted.url, policy=LOOPBACK)
        report = examine_own(subject(project, hosted.url), SupportSettings(within=timedelta(seconds=1)))
    assert [finding.subject for finding in report.findings] == ([] if kept else ["message"])
    assert [one.subject for one in Conversation.objects.all()] == ["Hello"]

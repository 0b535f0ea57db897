"""What goes to production changes nothing there, is marked as golive's own, and leaves nothing in golive's records."""

import contextlib
from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from golive.incidents.models import Incident
from golive.kit import synthetic
from golive.people.models import Project
from golive.readiness.asking import Site
from golive.readiness.items import ITEMS
from golive.readiness.planted import LOOPBACK
from golive.readiness.rehearsal import told_and_ended
from golive.readiness.verdict import CannotTell, Verdict, conclude
from golive.sandbox.hosting import Hosted
from golive.statuspage.models import Notice, StatusPage
from tests.readiness.test_hostile import EXAMINATIONS

SAFE = {"GET", "HEAD", "OPTIONS"}
ELSEWHERE = {"dependencies"}  # it asks for advisories, not the product
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", sorted(EXAMINATIONS))
def test_only_items_for_previews_send_what_changes_state(name: str) -> None:
    asked: list[Request] = []

    async def record(request: Request) -> Response:
        asked.append(request)
        return HTMLResponse('<form><a href="/support">Help</a></form>')

    methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", record, methods=methods)])
    with Hosted(app) as hosted, contextlib.suppress(CannotTell):
        EXAMINATIONS[name](Site(hosted.url, policy=LOOPBACK))
    assert asked
    marker = synthetic.marker()
    assert all(marker in request.headers["traceparent"] for request in asked)
    changing = {request.method for request in asked} - SAFE
    assert not changing or ITEMS[name].changes or name in ELSEWHERE, changing


@pytest.mark.django_db
def test_the_rehearsal_of_the_status_page_leaves_nothing() -> None:
    assert conclude(told_and_ended(NOW)).verdict is Verdict.PASS
    kinds = (Project, Incident, Notice, StatusPage)
    assert [kind.objects.count() for kind in kinds] == [0, 0, 0, 0]

"""A project with a status page in a data folder of its own, and incidents to order."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from golive.alerts.flips import record
from golive.alerts.models import Severity, State
from golive.checks.models import Check, CheckState
from golive.incidents import service
from golive.incidents.models import Incident
from golive.people.models import Project
from golive.statuspage.models import Component, StatusPage


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GOLIVE_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def page(db: None) -> StatusPage:
    project = Project.objects.create(slug="acme", name="acme", url="https://acme.example")
    for position, (name, check) in enumerate([("Web app", "home"), ("API", "api")]):
        Component.objects.create(project=project, name=name, position=position, checks=[check])
    return StatusPage.objects.create(project=project, title="acme status", publish_after=timedelta(minutes=5))


@pytest.fixture
def check(page: StatusPage) -> Callable[..., None]:
    """Puts a check into a state; firing and recovery write the flip as the prober does, and incidents follow."""

    def put(name: str, state: State, at: datetime | None = None, *, probed: datetime | None = None) -> None:
        at = at or timezone.now()
        row, _ = Check.objects.get_or_create(project=page.project, name=name, defaults={"url": "/"})
        kept, _ = CheckState.objects.get_or_create(check_row=row, defaults={"since": at})
        old = State(kept.state)
        kept.state, kept.since, kept.checked_at = state, at, probed or timezone.now()
        kept.save()
        if old != state and State.FIRING in (old, state):
            record(
                page.project,
                f"check:{name}",
                title=f"{name} is down",
                old=old,
                new=state,
                severity=Severity.CRITICAL,
                reason="refused",
                at=at,
            )
            service.beat()

    return put


@pytest.fixture
def incident(check: Callable[..., None]) -> Incident:
    """The web app is down since ten minutes."""
    check("api", State.OK)
    check("home", State.FIRING, timezone.now() - timedelta(minutes=10))
    return Incident.objects.get()

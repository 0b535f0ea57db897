"""A project with people on call, a real SMTP server, and flips to order."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from golive.alerts.flips import record
from golive.alerts.models import Flip, Severity, State
from golive.notify.models import Channels
from golive.oncall.models import OnCall
from golive.people.models import Project
from golive.sandbox.mail import MailSink


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MailSink]:
    with MailSink(tmp_path / "mail") as running:
        yield running


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="acme", name="acme")


@pytest.fixture
def on_call(project: Project, sink: MailSink) -> Project:
    """The project with mail and two people on call."""
    server = f"smtp://127.0.0.1:{sink.smtp_port}"
    Channels.objects.create(project=project, email=server, sender="golive@acme.example")
    OnCall.objects.create(project=project, people=["ada@acme.example", "ben@acme.example"])
    return project


@pytest.fixture
def flip(project: Project) -> Callable[..., Flip]:
    """Writes a flip: `flip("check:home")` fires, `flip("check:home", State.OK)` recovers."""

    def make(
        source: str = "check:home",
        new: State = State.FIRING,
        severity: Severity = Severity.CRITICAL,
        *,
        service: str = "",
        at: datetime | None = None,
        old: State | None = None,
        key: str = "",
    ) -> Flip:
        at = at or timezone.now()
        name = source.partition(":")[2]
        return record(
            project,
            source,
            key=key,
            title=f"{name} is down" if new == State.FIRING else f"{name} is up again",
            old=old or (State.OK if new == State.FIRING else State.FIRING),
            new=new,
            severity=severity,
            reason="connection refused, 2 tries" if new == State.FIRING else "200 in 80 ms",
            at=at,
            began_at=at - timedelta(seconds=3),
            service=service,
            link=f"/p/acme/checks/{name}/",
        )

    return make

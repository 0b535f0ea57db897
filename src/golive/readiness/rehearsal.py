"""Rehearsals that leave nothing behind: an incident told and ended on a status page that nobody sees."""

from datetime import datetime, timedelta
from secrets import token_hex

from django.db import transaction

from golive.alerts.models import Severity
from golive.incidents.lifecycle import State
from golive.incidents.models import Incident
from golive.people.models import Project
from golive.readiness.verdict import Report
from golive.statuspage.document import compose
from golive.statuspage.models import Component, Notice, StatusPage, Told, Update


def told_and_ended(now: datetime) -> Report:
    """A test incident on a page of its own is shown, then gone: in a transaction that is taken back, so unseen."""
    report = Report(expected=1)
    nonce = token_hex(5)
    with transaction.atomic():
        project = Project.objects.create(slug=f"rehearsal-{nonce}", name="Rehearsal")
        StatusPage.objects.create(project=project)
        component = Component.objects.create(project=project, name="Rehearsal", position=0)
        incident = Incident.objects.create(
            project=project, number=1, title=nonce, severity=Severity.CRITICAL, state=State.DETECTED.value,
            began_at=now, detected_at=now, paging_since=now,
        )  # fmt: skip
        notice = Notice.objects.create(incident=incident, title=f"Rehearsal {nonce}", created_at=now)
        affected = {component.code: "major_outage"}
        Update.objects.create(notice=notice, told=Told.INVESTIGATING, body="A test.", affected=affected, at=now)
        during = [story.notice.title for story in compose(project, now).open]
        later = now + timedelta(seconds=1)
        Update.objects.create(notice=notice, told=Told.RESOLVED, body="Over.", affected={}, at=later)
        after = [story.notice.title for story in compose(project, later).open]
        transaction.set_rollback(True)
    report.examined = 1
    if during != [f"Rehearsal {nonce}"]:
        report.convict("test incident", "a test incident was told, but the page does not show it")
    if after:
        report.convict("test incident", "a test incident was resolved, but the page still shows it as open")
    return report

"""What people and golive do to an incident. Every write of its state goes through `_move`, and so through the table."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from golive.alerts.models import Severity
from golive.alerts.models import State as SourceState
from golive.changes.models import Kind
from golive.changes.record import record
from golive.incidents import lifecycle, news
from golive.incidents.lifecycle import Event, IllegalTransition, State
from golive.incidents.models import Duty, DutyHeld, EntryKind, Incident, Review, TimelineEntry
from golive.incidents.timeline import write
from golive.kit.durations import format_duration
from golive.notify.outbox import withdraw
from golive.people import audit
from golive.people.models import Project

SNOOZE = timedelta(minutes=30)
LONGEST_SNOOZE = timedelta(hours=24)


def open_incident(
    project: Project,
    title: str,
    severity: Severity,
    at: datetime,
    *,
    began_at: datetime | None = None,
    service: str = "",
    environment: str = "production",
    by: str = "golive",
    text: str = "",
) -> Incident:
    """Open an incident under the project's next number, and tell people by its severity."""
    with transaction.atomic():
        project = Project.objects.select_for_update().get(pk=project.pk)  # one number at a time
        last = Incident.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
        incident = Incident.objects.create(
            project=project,
            number=last + 1,
            title=title[:200],
            severity=severity,
            service=service,
            environment=environment,
            opened_by=by,
            state=State.DETECTED,
            began_at=min(began_at or at, at),
            detected_at=at,
            paging_since=at,
            next_page_at=at if severity == Severity.CRITICAL else None,
        )
        Review.objects.create(incident=incident)
        entry = write(incident, EntryKind.DETECTED, text or f"Opened by {by}: {title}", at, actor=by)
        if by != "golive":
            audit.record(by, "incident.open", f"#{incident.number}", project=project, title=title)
        _band(incident)
        return incident if by == "golive" else _told(incident, entry)


def acknowledge(incident: Incident, by: str, at: datetime) -> Incident:
    """Somebody takes it: pages stop."""
    with transaction.atomic():
        incident = _move(incident, Event.ACKNOWLEDGE, at, by, EntryKind.ACKNOWLEDGED, f"Acknowledged by {by}")
        Incident.objects.filter(pk=incident.pk).update(acknowledged_by=by)
        incident.acknowledged_by = by
        withdraw(incident.about, f"{incident.about}:page:")
        return incident


def snooze(incident: Incident, by: str, at: datetime, lasting: timedelta = SNOOZE) -> Incident:
    """Pages wait for a while and then start anew; nobody is on it meanwhile, so its clocks run on."""
    with transaction.atomic():
        kept = Incident.objects.select_for_update().select_related("project").get(pk=incident.pk)
        if kept.state != State.DETECTED:
            raise IllegalTransition(f"An incident that is {kept.state} pages nobody: there is nothing to snooze.")
        if not timedelta(minutes=1) <= lasting <= LONGEST_SNOOZE:
            raise IllegalTransition("Snooze it for between a minute and 24 hours.")
        kept.snoozed_until = at + lasting
        kept.next_page_at = kept.snoozed_until if kept.is_critical else None
        kept.save(update_fields=["snoozed_until", "next_page_at"])
        withdraw(kept.about, f"{kept.about}:page:")
        words = f"Snoozed by {by} for {format_duration(lasting)}: pages start anew at {kept.snoozed_until:%H:%M} UTC"
        write(kept, EntryKind.SNOOZED, words, at, actor=by)
        audit.record(by, "incident.snooze", f"#{kept.number}", project=kept.project)
        return kept


def mitigate(incident: Incident, by: str, at: datetime, text: str = "") -> Incident:
    """Users are served again; the cause may still be there."""
    with transaction.atomic():
        words = text or f"Marked as mitigated by {by}"
        incident = _move(incident, Event.MITIGATE, at, by, EntryKind.MITIGATED, words)
        withdraw(incident.about, f"{incident.about}:page:", untried_only=True)
        news.recovered(incident, words)
        return incident


def lapse(incident: Incident, at: datetime, text: str) -> Incident:
    """Who took it has been silent for too long: page anew."""
    return _move(incident, Event.LAPSE, at, "golive", EntryKind.REOPENED, text)


def refire(incident: Incident, at: datetime, text: str) -> Incident:
    """What had recovered is broken again: page anew."""
    return _move(incident, Event.REFIRE, at, "golive", EntryKind.REOPENED, text)


def reopen(incident: Incident, by: str, at: datetime, text: str = "") -> Incident:
    """Somebody finds that it is not over."""
    with transaction.atomic():
        incident = _move(incident, Event.REOPEN, at, by, EntryKind.REOPENED, text or f"Reopened by {by}")
        return _told(incident, incident.timeline.filter(kind=EntryKind.REOPENED).latest("id"))


def resolve(
    incident: Incident, by: str, at: datetime, *, cause: str, release: str = "", no_fix_reason: str = ""
) -> Incident:
    """It is over, its cause known and its fix deployed or not needed. Raises IllegalTransition."""
    lifecycle.check_resolution(cause, release, no_fix_reason)
    with transaction.atomic():
        firing = incident.sources.filter(state=SourceState.FIRING, severity=Severity.CRITICAL).first()
        if firing is not None:
            raise IllegalTransition(f"{firing.title} still fires: mitigate it first.")
        fix = f"Fixed by release {release}" if release else f"No fix needed: {no_fix_reason}"
        words = f"Resolved by {by}. Cause: {cause}. {fix}"
        incident = _move(incident, Event.RESOLVE, at, by, EntryKind.RESOLVED, words)
        incident.cause, incident.fix_release, incident.no_fix_reason = cause, release, no_fix_reason
        incident.save(update_fields=["cause", "fix_release", "no_fix_reason"])
        withdraw(incident.about, f"{incident.about}:page:")
        news.resolved(incident)
        return incident


def review(incident: Incident, by: str, at: datetime) -> Incident:
    """The post-mortem is done."""
    return _move(incident, Event.REVIEW, at, by, EntryKind.REVIEWED, f"Reviewed by {by}")


def assign(incident: Incident, duty: Duty, who: str, by: str, at: datetime) -> None:
    """Give a role to somebody; an empty `who` frees it."""
    with transaction.atomic():
        kept = incident.duties.filter(duty=duty).first()
        if (kept.who if kept else "") == who:
            return
        if who:
            DutyHeld.objects.update_or_create(incident=incident, duty=duty, defaults={"who": who, "since": at})
        elif kept:
            kept.delete()
        words = f"{who} is {duty.label.lower()} now" if who else f"Nobody is {duty.label.lower()} any more"
        write(incident, EntryKind.ROLE, words, at, actor=by)
        audit.record(by, "incident.role", f"#{incident.number}", project=incident.project, duty=duty.value, who=who)


def note(incident: Incident, by: str, at: datetime, text: str) -> TimelineEntry:
    """Write down what somebody saw or did."""
    if not text.strip():
        raise IllegalTransition("A note needs words.")
    with transaction.atomic():
        audit.record(by, "incident.note", f"#{incident.number}", project=incident.project)
        return write(incident, EntryKind.NOTE, text.strip(), at, actor=by)


def raise_severity(incident: Incident, severity: Severity, at: datetime, by: str, text: str) -> bool:
    """Make it more severe; never less. A warning that becomes critical pages from now on. False when it is already."""
    order = [Severity.INFO, Severity.WARNING, Severity.CRITICAL]
    with transaction.atomic():
        kept = Incident.objects.select_for_update().get(pk=incident.pk)
        if order.index(severity) <= order.index(Severity(kept.severity)):
            return False
        kept.severity = severity
        if kept.state == State.DETECTED and severity == Severity.CRITICAL:
            kept.paging_since = kept.next_page_at = max(at, kept.clocks().latest())
        kept.save(update_fields=["severity", "paging_since", "next_page_at"])
        entry = write(kept, EntryKind.SEVERITY, text, at, actor=by)
        if by != "golive":
            audit.record(by, "incident.severity", f"#{kept.number}", project=kept.project, severity=severity)
        _told(kept, entry)
        return True


def _move(incident: Incident, event: Event, at: datetime, by: str, kind: EntryKind, text: str) -> Incident:
    """Ask the table, write state, clocks and timeline in one transaction. Raises IllegalTransition."""
    with transaction.atomic():
        kept = Incident.objects.select_for_update().select_related("project").get(pk=incident.pk)
        step = lifecycle.after(State(kept.state), kept.clocks(), event, at)
        kept.state = step.state
        kept.acknowledged_at = step.clocks.acknowledged_at
        kept.mitigated_at = step.clocks.mitigated_at
        kept.resolved_at = step.clocks.resolved_at
        kept.reviewed_at = step.clocks.reviewed_at
        kept.paging_since = step.clocks.paging_since
        if step.state != State.DETECTED or event in (Event.REFIRE, Event.REOPEN, Event.LAPSE):
            kept.snoozed_until = None
        waits = step.state == State.DETECTED and kept.is_critical
        kept.next_page_at = step.clocks.paging_since if waits else None
        kept.save()
        write(kept, kind, text, step.at, actor=by)
        if by != "golive":
            audit.record(by, f"incident.{event}", f"#{kept.number}", project=kept.project)
        _band(kept)
        return kept


def _told(incident: Incident, entry: TimelineEntry) -> Incident:
    news.broken(incident, entry)
    return incident


def _band(incident: Incident) -> None:
    """Keep the band that charts draw in step."""
    record(
        incident.project,
        Kind.INCIDENT,
        f"incident-{incident.number}",
        str(incident),
        incident.began_at,
        environment=incident.environment,
        link=incident.link,
        actor=incident.opened_by,
        until=incident.mitigated_at,
    )

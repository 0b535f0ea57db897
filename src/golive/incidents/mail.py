"""What messages about an incident say: severity, project, what, since when; then reason, changes, links."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import get_template, render_to_string

from golive.changes.models import Change
from golive.changes.record import before
from golive.incidents import links
from golive.incidents.models import Incident
from golive.kit.durations import format_duration
from golive.notify.outbox import Content
from golive.oncall.escalation import Page, Reason


def prepare() -> None:
    """Compile the templates before the first page has to go out."""
    for name in ("incidents/mail.txt", "incidents/mail.html"):
        get_template(name)


_SUFFIXES = {Reason.FIRST: "", Reason.REPEAT: " (again)", Reason.ESCALATION: " (escalated to you)"}


def page(incident: Incident, page: Page) -> Content:
    """The page to one person: the links that act come first."""
    subject = f"{_subject(incident)}{_SUFFIXES[page.reason]}"
    return _broken(
        incident, subject, {purpose.value: links.url(incident, page.who, purpose) for purpose in links.PATHS}
    )


def broken(incident: Incident) -> Content:
    """The news that it broke, without a link that acts: channels are read by many."""
    return _broken(incident, _subject(incident), {})


def recovered(incident: Incident, words: str) -> Content:
    """The news that service is back."""
    assert incident.mitigated_at is not None  # noqa: S101 - called after the move
    lasted = format_duration(incident.mitigated_at - incident.began_at)
    subject = f"[recovered] {incident.project}: {incident.title} - after {lasted}"
    lead = f"{words}. It lasted {lasted}."
    todo = "Mitigated is not resolved: write down the cause and link the fixing release."
    return _content(incident, subject, "incident.mitigated", {"lead": lead, "todo": todo, "tone": "good"})


def resolved(incident: Incident) -> Content:
    """The news that it is closed."""
    release, reason = incident.fix_release, incident.no_fix_reason
    fix = f"Fixed by release {release}." if release else f"No fix needed: {reason}."
    subject = f"[resolved] {incident.project}: {incident.title}"
    lead = f"Cause: {incident.cause}. {fix}"
    return _content(incident, subject, "incident.resolved", {"lead": lead, "tone": "good"})


def nudge(incident: Incident, lead: str, todo: str, who: str = "") -> Content:
    """A clock was missed: what is known, and what to do now; with links that act where one person is told to act."""
    subject = f"[{incident.state}] {incident.project}: {incident.title} - {lead[0].lower()}{lead[1:].rstrip('.')}"
    acts = {purpose.value: links.url(incident, who, purpose) for purpose in links.PATHS} if who else {}
    told = {"lead": lead, "todo": todo, "tone": "bad", "sources": list(incident.sources.all()), **acts}
    return _content(incident, subject, "incident.overdue", told)


def instant(at: datetime) -> str:
    """An instant as mails write it."""
    return at.strftime("%H:%M:%S UTC, %d %b %Y")


def _subject(incident: Incident) -> str:
    return f"[{incident.severity}] {incident.project}: {incident.title} - since {incident.began_at:%H:%M} UTC"


def _broken(incident: Incident, subject: str, acts: dict[str, str]) -> Content:
    sources = list(incident.sources.all())
    changed = before(incident.project, incident.detected_at)[:5]
    content: dict[str, Any] = {
        "lead": sources[-1].reason if sources else incident.timeline.earliest("id").text,
        **acts,
        "sources": sources,
        "changes": changed,
        "changes_known": True,
        "tone": "bad" if incident.is_critical else "warn",
    }
    made = _content(incident, subject, "incident.detected", content, changed)
    if not acts:  # for channels that many read: a button names whoever presses it
        made.data["button"] = links.token(incident, "", links.Purpose.BUTTON)
    return made


def _content(
    incident: Incident, subject: str, event: str, content: dict[str, Any], changed: list[Change] | None = None
) -> Content:
    context = content | {
        "incident": incident,
        "project": incident.project,
        "url": settings.PUBLIC_URL + incident.link,
        "site": settings.PUBLIC_URL,
        "began": instant(incident.began_at),
        "subject": subject,
    }
    data = {
        "project": incident.project.slug,
        "number": incident.number,
        "title": incident.title,
        "severity": incident.severity,
        "state": incident.state,
        "service": incident.service,
        "environment": incident.environment,
        "began_at": incident.began_at.isoformat(),
        "reason": content["lead"],
        "url": context["url"],
        **({"acknowledge": content["acknowledge"]} if "acknowledge" in content else {}),
        "changes": [change.title for change in changed or ()],
    }
    text = render_to_string("incidents/mail.txt", context)
    html = render_to_string("incidents/mail.html", context)
    return Content(subject, text, html, event, data)

"""Gathers what the monthly report counts."""

from datetime import datetime
from zoneinfo import ZoneInfo

from golive.incidents import view
from golive.incidents.clocks import REVIEW_TARGET, Verdict
from golive.incidents.models import Incident, PageSent
from golive.incidents.report import Fired, Objective, Page, Report, Told, report
from golive.people.models import Project, User
from golive.rules import burn
from golive.rules.models import Rule
from golive.rules.settings import Burn, RuleKind
from golive.telemetry.store import StoreError

STEP = 24 * 3600  # seconds: the month is summed up, not drawn


def of_month(project: Project, since: datetime, until: datetime, now: datetime) -> Report:
    """The report over incidents detected, and pages sent, in a stretch of time."""
    found = Incident.objects.filter(project=project, detected_at__gte=since, detected_at__lt=until)
    incidents = list(found.select_related("project").prefetch_related("sources"))
    fired = [
        Fired(source.source, incident.number, bool(incident.acknowledged_at or incident.cause))
        for incident in incidents
        for source in incident.sources.all()
    ]
    zones = {person.email: ZoneInfo(person.time_zone) for person in User.objects.all()}
    sent = PageSent.objects.filter(incident__project=project, at__gte=since, at__lt=until)
    pages = [Page(page.who, page.at, zones.get(page.who, ZoneInfo("UTC"))) for page in sent]
    told = [_told(incident, now) for incident in incidents]
    return report(told, pages, fired, _objectives(project, since, min(until, now)))


def _told(incident: Incident, now: datetime) -> Told:
    verdicts = [one.verdict for one in view.measures(incident, now, public=incident.published_at is not None)]
    return Told(
        number=incident.number,
        title=incident.title,
        severity=incident.severity,
        detected=incident.detected_at - incident.began_at,
        acknowledged=incident.time_to_acknowledge,
        mitigated=incident.lasted,
        clocks_met=verdicts.count(Verdict.KEPT),
        clocks_missed=verdicts.count(Verdict.MISSED),
        reviewed=incident.reviewed_at is not None,
        due=bool(incident.is_critical and incident.mitigated_at and now - incident.mitigated_at >= REVIEW_TARGET)
        or incident.reviewed_at is not None,
    )


def _objectives(project: Project, since: datetime, until: datetime) -> list[Objective]:
    """What each declared objective came to in the stretch."""
    if since >= until:
        return []
    rules = Rule.objects.filter(project=project, kind=RuleKind.BURN).order_by("name")
    return [_objective(project, rule, since, until) for rule in rules]


def _objective(project: Project, rule: Rule, since: datetime, until: datetime) -> Objective:
    settings = rule.in_force()
    assert isinstance(settings, Burn)  # noqa: S101 - that kind's settings
    name = settings.title or rule.name
    try:
        budget = burn.remaining(settings, burn.count(project.slug, settings, since, until, step=STEP))
    except StoreError as error:
        return Objective(name, settings.objective, 0, 0, None, str(error))
    reason = "" if budget.total else "no request, so nothing is known"
    return Objective(name, settings.objective, round(budget.total), round(budget.bad), budget.left, reason)

"""Takes flips, each exactly once and in the order of their ids, and turns them into incidents."""

import logging
from datetime import datetime

from django.db import Error, transaction

from golive.alerts.models import Flip, Severity
from golive.alerts.models import State as SourceState
from golive.changes.models import Kind
from golive.changes.record import before
from golive.incidents import grouping, moves, news, view
from golive.incidents.lifecycle import CLOSED, State
from golive.incidents.models import EntryKind, Incident, Source
from golive.incidents.timeline import write
from golive.people.models import Project

AT_ONCE = 100
log = logging.getLogger(__name__)


def take_flips(now: datetime) -> int:
    """Handle the flips that nobody has handled; how many this worker did. Any number of workers may run."""
    taken = 0
    stuck: set[int] = set()  # projects whose order would break if we went on past a flip that failed
    for pk, project_id in (
        Flip.objects.filter(handled_at=None, held=False).order_by("id").values_list("id", "project_id")[:AT_ONCE]
    ):
        if project_id in stuck:
            continue
        try:
            taken += _take(pk, project_id, now)
        except Error:
            raise
        except Exception:
            log.exception("flip %d cannot be handled; it is tried again", pk)
            stuck.add(project_id)
    return taken


def _take(pk: int, project_id: int, now: datetime) -> bool:
    with transaction.atomic():
        project = Project.objects.select_for_update().get(pk=project_id)  # flips of a project go one by one
        if Flip.objects.filter(pk=pk, handled_at=None).update(handled_at=now) != 1:
            return False
        flip = Flip.objects.get(pk=pk)
        flip.project = project
        flip.environment = flip.environment or "production"
        if flip.new == SourceState.FIRING and flip.severity != Severity.INFO:
            _fired(flip)
        elif flip.new != SourceState.FIRING:
            _calmed(flip)
    return True


def _fired(flip: Flip) -> None:
    deploy = _deploy_before(flip.project, flip.environment, flip.at)
    home = grouping.home_of((flip.source, flip.key), flip.service, _candidates(flip), flip.at, deploy)
    severity = Severity(flip.severity)
    if home.id is None:
        incident = moves.open_incident(
            flip.project,
            flip.title,
            severity,
            flip.at,
            began_at=flip.began_at,
            service=flip.service,
            environment=flip.environment,
            text=f"{flip.title}: {flip.reason}",
        )
        _keep(incident, flip)
        news.broken(incident, incident.timeline.latest("id"))
        return
    incident = Incident.objects.select_related("project").get(pk=home.id)
    _keep(incident, flip)
    if home.reopens:
        incident = moves.refire(incident, flip.at, f"{flip.title} fires again: {flip.reason}")
        news.broken(incident, incident.timeline.filter(kind=EntryKind.REOPENED).latest("id"))
    else:
        words = f"{flip.title}: {flip.reason}"
        write(incident, EntryKind.FIRING, words, flip.at, link=flip.evidence.get("link", ""), flip=flip)
    moves.raise_severity(incident, severity, flip.at, "golive", f"Now {severity}: {flip.title}")


def _calmed(flip: Flip) -> None:
    """A condition is well again, or nothing is known of it any more: the incidents it fires in hear of it."""
    sources = (
        Source.objects.filter(
            source=flip.source,
            key=flip.key,
            incident__project=flip.project,
            incident__environment=flip.environment,
        )
        .exclude(incident__state__in=CLOSED)
        .exclude(state=SourceState.OK)
        .select_related("incident__project")
    )
    for source in sources:
        source.state = flip.new
        source.recovered_at = flip.at if flip.new == SourceState.OK else None
        source.save(update_fields=["state", "recovered_at"])
        well = flip.new == SourceState.OK
        words = f"{flip.title}: {flip.reason}"
        kind = EntryKind.RECOVERED if well else EntryKind.FIRING
        write(source.incident, kind, words, flip.at, link=flip.evidence.get("link", ""), flip=flip)
        if well and source.incident.is_open:
            _mitigate_if_all_well(source.incident, flip.at)


def _mitigate_if_all_well(incident: Incident, at: datetime) -> None:
    """Lesser conditions that still fire do not keep a critical incident open; they are named."""
    sources = list(incident.sources.all())
    decisive = [source for source in sources if source.severity == Severity.CRITICAL] or sources
    if any(source.state != SourceState.OK for source in decisive):
        return
    left = [source.title for source in sources if source.state != SourceState.OK]
    words = "Recovered: every condition that fired is well again"
    if left:
        words = f"Recovered. Still firing as a warning: {', '.join(left)}"
    moves.mitigate(incident, "golive", at, words)


def _candidates(flip: Flip) -> list[grouping.Candidate]:
    incidents = (
        Incident.objects.filter(project=flip.project, environment=flip.environment)
        .exclude(state__in=CLOSED)
        .prefetch_related("sources")
    )
    return [
        grouping.Candidate(
            id=incident.pk,
            state=State(incident.state),
            service=incident.service,
            sources=frozenset((source.source, source.key) for source in incident.sources.all()),
            last_fired_at=max([incident.detected_at, *(source.began_at for source in incident.sources.all())]),
            mitigated_at=incident.mitigated_at,
            deploy=_deploy_before(flip.project, flip.environment, incident.detected_at) if incident.is_open else "",
        )
        for incident in incidents
    ]


def _deploy_before(project: Project, environment: str, at: datetime) -> str:
    """The last deploy in the half hour before; empty when there was none."""
    found = before(project, at, view.JUST_BEFORE)
    deploys = [one for one in found if one.kind == Kind.DEPLOY and one.environment in ("", environment)]
    return str(deploys[0].pk) if deploys else ""


def _keep(incident: Incident, flip: Flip) -> None:
    """Note the condition as firing in the incident, whose beginning may turn out to lie earlier."""
    Source.objects.update_or_create(
        incident=incident,
        source=flip.source,
        key=flip.key,
        defaults={
            "title": flip.title,
            "reason": flip.reason,
            "severity": flip.severity,
            "state": SourceState.FIRING,
            "link": flip.evidence.get("link", ""),
            "evidence": flip.evidence,
            "began_at": flip.began_at,
            "recovered_at": None,
        },
    )
    Incident.objects.filter(pk=incident.pk, began_at__gt=flip.began_at).update(began_at=flip.began_at)

"""A way out of an incident: a hotfix from what production runs now, through the pipeline's fast lane."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from golive.incidents.actions import ActionError, Offer
from golive.incidents.lifecycle import CLOSED
from golive.incidents.models import EntryKind, Incident
from golive.incidents.timeline import write
from golive.people import audit
from golive.pipelines import remote
from golive.pipelines.models import Run, Source
from golive.pipelines.outcome import State
from golive.pipelines.tree import Repository, TreeError
from golive.releases.models import Environment, Release


@dataclass(frozen=True)
class Hotfix:
    """A hotfix that was started: where it is pushed, how, and its runs, newest first."""

    branch: str
    commands: tuple[str, ...]
    runs: list[Run]


class StartHotfix:
    """Opens a branch at the commit that serves. What is pushed to it reaches production in minutes."""

    name = "hotfix"
    scope = "pipelines:write"

    def offers(self, incident: Incident) -> Sequence[Offer]:
        live = _live(incident)
        if live is None or incident.hotfix_branch or incident.environment != "production":
            return []
        effect = (
            f"opens branch {_branch(incident)} at {live.name}, which production runs; what you push there goes through "
            "lint, unit tests and build to production, without preview and end-to-end tests"
        )
        return [Offer(live.commit, "Start a hotfix", effect, calm=True)]

    def take(self, incident: Incident, key: str, by: str) -> str:
        live = _live(incident)
        if live is None or live.commit != key:
            raise ActionError("Production runs another release by now; load the page again.")
        branch = _branch(incident)
        try:
            repository = Repository(remote.ensure(incident.project))
            repository.git("cat-file", "-e", f"{live.commit}^{{commit}}")
        except TreeError:
            raise ActionError(
                f"golive's git remote does not have {live.commit[:10]}, which production runs; push it there first"
            ) from None
        with transaction.atomic():
            if Incident.objects.filter(pk=incident.pk, hotfix_branch="").update(hotfix_branch=branch) != 1:
                raise ActionError("A hotfix was started already.")
            try:
                repository.git("update-ref", f"refs/heads/{branch}", live.commit)
            except TreeError as error:
                raise ActionError(f"The branch could not be opened: {error}") from error
            audit.record(by, "incident.hotfix", f"#{incident.number}", project=incident.project, branch=branch)
        return f"Hotfix begun on branch {branch}, at {live.name} ({live.commit[:10]})"


def of(incident: Incident) -> Hotfix | None:
    """The incident's hotfix; None when none was started."""
    branch = incident.hotfix_branch
    if not branch:
        return None
    if Source.objects.filter(project=incident.project).exists():
        live = _live(incident)
        switch = f"git switch -c {branch} {live.commit if live else ''}".strip()
        commands: tuple[str, ...] = (switch, f"git push -u origin {branch}")
    else:
        commands = ("git fetch golive", f"git switch -c {branch} golive/{branch}", f"git push golive {branch}")
    return Hotfix(branch, commands, list(_runs(incident)))


def note_runs() -> None:
    """Write on the timeline how runs of hotfixes begin and end; each line once."""
    for incident in Incident.objects.exclude(hotfix_branch="").exclude(state__in=CLOSED).select_related("project"):
        for run in _runs(incident):
            _note(incident, run, f"Hotfix: run #{run.number} begun by {run.requested_by}")
            if State(run.state).ended:
                _note(incident, run, f"Hotfix: run #{run.number} {run.state}. {run.reason}".strip(" ."))


def _note(incident: Incident, run: Run, words: str) -> None:
    if not incident.timeline.filter(kind=EntryKind.ACTION, text=words).exists():
        write(incident, EntryKind.ACTION, words, timezone.now(), link=run.link)


def _runs(incident: Incident) -> Sequence[Run]:
    found = Run.objects.filter(project=incident.project, ref=f"refs/heads/{incident.hotfix_branch}")
    return list(found.select_related("project")[:10])


def _branch(incident: Incident) -> str:
    return f"hotfix/incident-{incident.number}"


def _live(incident: Incident) -> Release | None:
    """What serves, if it is known of which commit it was made."""
    found = Environment.objects.filter(project=incident.project, name=incident.environment, closed_at=None)
    where = found.select_related("live__release").exclude(live=None).first()
    release = where.live.release if where and where.live else None
    return release if release and release.commit else None

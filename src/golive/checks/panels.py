"""Checks on the home page."""

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone

from golive.alerts.models import State
from golive.checks import history
from golive.checks.standing import sentence, standings
from golive.console.panels import Panel, Sentence, register_panel, register_sentence
from golive.people.models import Project
from golive.telemetry.store import StoreError


def _tell(project: Project) -> str | None:
    now = timezone.now()
    found = standings(project, now)
    if found and all(one.state == State.OK for one in found):
        return f"{project.name} is up"
    return sentence(found, now) if found else None


def _render(request: HttpRequest, project: Project) -> str:
    now = timezone.now()
    try:
        known, trouble = history.histories(project.slug, now), ""
    except StoreError as error:
        known, trouble = {}, str(error)
    found = standings(project, now, known)
    context = {"project": project, "found": found[:8], "more": max(0, len(found) - 8), "trouble": trouble}
    return render_to_string("checks/panel.html", context, request)


register_sentence(Sentence(order=10, tell=_tell))
register_panel(Panel("checks", order=40, width=6, render=_render))

"""Rules on the home page."""

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone

from golive.alerts.models import State
from golive.console.panels import Panel, Sentence, register_panel, register_sentence
from golive.people.models import Project
from golive.rules.standing import sentence, standings


def _tell(project: Project) -> str | None:
    found = standings(project, timezone.now())
    return sentence(found) if any(one.state == State.FIRING for one in found) else None


def _render(request: HttpRequest, project: Project) -> str:
    context = {"project": project, "found": standings(project, timezone.now())}
    return render_to_string("rules/panel.html", context, request)


register_sentence(Sentence(order=20, tell=_tell))
register_panel(Panel("rules", order=45, width=6, render=_render))

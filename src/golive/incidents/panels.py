"""The home page's part: what is broken now."""

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone

from golive.console.panels import Panel, Sentence, register_panel, register_sentence
from golive.incidents import view
from golive.incidents.actions import register_way_out
from golive.incidents.flag_switch import SwitchFlagOff
from golive.incidents.hotfix import StartHotfix
from golive.incidents.lifecycle import OPEN, State
from golive.incidents.models import Incident
from golive.incidents.release_rollback import RollBack
from golive.oncall.roster import roster_of
from golive.people.models import Project


def sentence(project: Project) -> str | None:
    """ "2 incidents open, 1 nobody has acknowledged"; nothing when nothing is open."""
    states = list(Incident.objects.filter(project=project, state__in=OPEN).values_list("state", flat=True))
    if not states:
        return None
    waiting = states.count(State.DETECTED)
    told = f"{len(states)} incident{'s' if len(states) > 1 else ''} open"
    return f"{told}, {waiting} not acknowledged" if waiting else told


def panel(request: HttpRequest, project: Project) -> str:
    """Open incidents, the last ones, and who is on call."""
    now = timezone.now()
    every = Incident.objects.filter(project=project).select_related("project")
    live = list(every.filter(state__in=OPEN)[:5])
    context = {
        "project": project,
        "live": [(incident, view.headline(incident, now)) for incident in live],
        "last": every.exclude(state__in=OPEN)[: 3 if live else 4],
        "on_call": roster_of(project).on_call_at(now).people,
    }
    return render_to_string("incidents/panel.html", context, request=request)


register_sentence(Sentence(20, sentence))
register_panel(Panel("incidents", 20, 6, panel, every_seconds=5))
register_way_out(RollBack())
register_way_out(SwitchFlagOff())
register_way_out(StartHotfix())

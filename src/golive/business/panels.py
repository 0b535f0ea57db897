"""The top of the home page: the business, live."""

from functools import partial

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone

from golive.business.models import settings_of
from golive.business.numbers import FIGURES
from golive.console.panels import Panel, register_panel
from golive.people.models import Project


def draw(name: str, request: HttpRequest, project: Project) -> str:
    """One figure as a card that leads to what it was computed from."""
    figure = FIGURES[name](project, settings_of(project), timezone.localtime())
    return render_to_string("business/figure.html", {"figure": figure, "project": project}, request)


for _order, _name in enumerate(FIGURES, 10):
    register_panel(Panel(_name, _order, 3, partial(draw, _name), every_seconds=10))

"""What is known now of the checks and rules that speak for components: the last flip of each."""

from django.db.models import Max

from golive.alerts.models import Flip
from golive.people.models import Project
from golive.statuspage.models import Component
from golive.statuspage.standing import Condition

_LOUDNESS = {"ok": 0, "unknown": 1, "firing": 2}


def conditions_of(project: Project, components: list[Component]) -> dict[str, list[Condition]]:
    """The conditions of each component by its name; one that was declared but never judged is unknown."""
    last = Flip.objects.filter(project=project).values("source", "key").annotate(last=Max("id")).values("last")
    flips = list(Flip.objects.filter(pk__in=last))
    found: dict[str, list[Condition]] = {}
    for component in components:
        declared = [f"check:{name}" for name in component.checks] + [f"rule:{name}" for name in component.rules]
        conditions = {source: Condition(source, "unknown") for source in declared}
        for flip in sorted(flips, key=lambda flip: _LOUDNESS[flip.new]):  # of several instances the loudest counts
            if component.speaks(flip.source, flip.service):
                conditions[flip.source] = Condition(flip.source, flip.new, flip.severity)
        found[component.name] = list(conditions.values())
    return found

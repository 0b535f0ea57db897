"""What is known now of the checks and rules that speak for components."""

from datetime import datetime

from django.db.models import Max

from golive.alerts.models import Flip, State
from golive.checks.models import CheckState
from golive.checks.verdict import Scope, seen
from golive.people.models import Project
from golive.statuspage.models import Component
from golive.statuspage.standing import Condition

_LOUDNESS = {State.OK: 0, State.UNKNOWN: 1, State.FIRING: 2}


def conditions_of(project: Project, components: list[Component], now: datetime) -> dict[str, list[Condition]]:
    """The conditions of each component by its name; one that was declared but never judged is unknown."""
    flips = _last_flips(project)
    checks = _checks(project, now)
    found: dict[str, list[Condition]] = {}
    for component in components:
        conditions = {f"rule:{name}": Condition(f"rule:{name}", State.UNKNOWN) for name in component.rules}
        for flip in flips:
            if component.speaks(flip.source, flip.service):
                conditions[flip.source] = Condition(flip.source, flip.new, flip.severity)
        for name in component.checks:
            source = f"check:{name}"
            conditions[source] = checks.get(name, Condition(source, State.UNKNOWN))
        found[component.name] = list(conditions.values())
    return found


def _checks(project: Project, now: datetime) -> dict[str, Condition]:
    """How each check stands, by name; one that has not been probed for long is unknown."""
    found = {}
    for row in CheckState.objects.filter(check_row__project=project).select_related("check_row"):
        state = seen(State(row.state), row.checked_at, row.check_row.every, now)[0]
        name, regional = row.check_row.name, row.scope == Scope.REGIONAL
        found[name] = Condition(f"check:{name}", state, "warning" if regional else "critical", regional)
    return found


def _last_flips(project: Project) -> list[Flip]:
    """The last flip of each condition, quiet ones first: of several instances the loudest counts."""
    last = Flip.objects.filter(project=project).values("source", "key").annotate(last=Max("id")).values("last")
    return sorted(Flip.objects.filter(pk__in=last), key=lambda flip: _LOUDNESS[State(flip.new)])

"""The gate "budget": what an objective promised has been used up by errors, so that only remedies should go out."""

from datetime import datetime

from golive.kit.clock import SYSTEM
from golive.kit.durations import format_duration
from golive.releases.models import Environment, Release
from golive.releases.objection import Objection
from golive.releases.sites import PRODUCTION
from golive.rules import burn
from golive.rules.models import Rule
from golive.rules.settings import Burn, RuleKind
from golive.telemetry import store


class ErrorBudget:
    """Objects while an error budget of [slo] is spent. What is not known objects to nothing."""

    name = "budget"

    def objects(self, environment: Environment, release: Release) -> Objection | None:
        """The first objective whose budget is spent. Only production has promised anything."""
        if environment.name != PRODUCTION or environment.live_id is None:
            return None
        project = environment.project
        for rule in Rule.objects.filter(project=project, kind=RuleKind.BURN.value).order_by("name"):
            settings = rule.in_force()
            if isinstance(settings, Burn) and (reason := spent(project.slug, settings, SYSTEM.now())):
                said = f"{rule.name.removeprefix('slo-')}: {reason}; deploy its remedy with --override budget=WHY"
                return Objection(self.name, said, f"/p/{project.slug}/slo/")
        return None


def spent(project: str, settings: Burn, now: datetime) -> str:
    """How far a budget is overspent; nothing while something is left, and nothing when the store does not answer."""
    try:
        budget = burn.remaining(settings, burn.count(project, settings, now - settings.period, now, step=3600))
    except store.StoreError:
        return ""
    if budget.left is None or budget.left > 0:
        return ""
    promised = f"{settings.objective * 100:.5g} % in {format_duration(settings.period)}"
    return f"the error budget of {promised} is spent {budget.bad / budget.allowed:.1f} times over"

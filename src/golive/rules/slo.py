"""Service level objectives as their page shows them: what is left of each error budget, and how fast it burns."""

from datetime import datetime, timedelta
from typing import Any

from golive.kit.durations import format_duration
from golive.people.models import Project
from golive.rules import burn
from golive.rules.settings import Burn

DAY = 86_400


def standing(project: Project, settings: Burn, now: datetime) -> dict[str, Any]:
    """The budget of the period up to now, and its course by day. Raises StoreError."""
    tallies = burn.count(project.slug, settings, now - settings.period, now, step=3600)
    budget = burn.remaining(settings, tallies)
    left, course = 1.0, []
    for tally in tallies:
        if budget.allowed:
            left -= tally.bad / budget.allowed
        course.append((tally.at, left))
    lately = burn.remaining(settings, burn.count(project.slug, settings, now - timedelta(hours=1), now))
    pace = lately.bad / lately.allowed if lately.allowed else None
    return {
        "left": budget.left,
        "share": 1 - budget.bad / budget.total if budget.total else None,
        "total": budget.total,
        "bad": budget.bad,
        "allowed": budget.allowed,
        "pace": pace,
        "course": course,
        "tone": tone(budget),
        "sentence": sentence(settings, budget, pace),
    }


def tone(budget: burn.Budget) -> str:
    if budget.left is None:
        return "unknown"
    return "critical" if budget.left <= 0 else "warning" if budget.left < 0.25 else "ok"


def sentence(settings: Burn, budget: burn.Budget, pace: float | None) -> str:
    """How the objective stands, in one sentence."""
    period = format_duration(settings.period)
    if budget.left is None:
        return f"no request in {period}, so nothing is known"
    share = 1 - budget.bad / budget.total
    told = f"{share * 100:.4g} % good in {period} of {settings.objective * 100:.5g} % promised"
    if budget.left <= 0:
        return f"{told}; the budget is spent {budget.bad / budget.allowed:.1f} times over"
    if pace is not None and pace > 1:
        lasts = format_duration(settings.period * budget.left / pace)
        return f"{told}; {budget.left * 100:.0f} % of the budget left, at the last hour's pace for {lasts}"
    return f"{told}; {budget.left * 100:.0f} % of the budget left"

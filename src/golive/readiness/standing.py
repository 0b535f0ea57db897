"""How a project stands: one line for each item, what blocks first, and the sentence that sums it up."""

from collections.abc import Sequence
from datetime import datetime

from golive.people.models import Project
from golive.readiness import records
from golive.readiness.items import ITEMS
from golive.readiness.records import Line
from golive.readiness.subjects import maker
from golive.readiness.verdict import Verdict

ORDER = {Verdict.FAIL: 0, Verdict.UNKNOWN: 1, Verdict.PASS: 2}


def lines(project: Project, now: datetime) -> list[Line]:
    """All items, blocking ones first. Raises SubjectError."""
    subject_for, newest = maker(project, now), records.newest(project)
    found = [records.line(item, newest.get(key), subject_for(item), now) for key, item in ITEMS.items()]
    return sorted(found, key=lambda one: (ORDER[one.verdict], one.item.order))


def headline(found: Sequence[Line], name: str) -> str:
    """The answer to "may we take paying customers?"; no score."""
    failing = [one for one in found if one.verdict is Verdict.FAIL]
    unknown = [one for one in found if one.verdict is Verdict.UNKNOWN]
    if not failing and not unknown:
        return f"{name} is ready: all {len(found)} items are proved"
    parts = []
    if failing:
        parts.append(f"{len(failing)} {'item fails' if len(failing) == 1 else 'items fail'}")
    if unknown:
        parts.append(f"{len(unknown)} {'is' if len(unknown) == 1 else 'are'} unknown")
    return f"{name} is not ready: {' and '.join(parts)}"

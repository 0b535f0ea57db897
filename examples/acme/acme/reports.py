"""The report page: what a team got done, week by week. The heaviest query of the product."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

_WEEKS = text("""
    WITH week AS (
        SELECT generate_series(
            date_trunc('week', CAST(:today AS date)) - interval '11 weeks',
            date_trunc('week', CAST(:today AS date)), interval '1 week')::date AS begins
    )
    SELECT week.begins,
           count(task.id) FILTER (
               WHERE task.created_at >= week.begins AND task.created_at < week.begins + 7) AS created,
           count(task.id) FILTER (WHERE task.done_at >= week.begins AND task.done_at < week.begins + 7) AS done
    FROM week LEFT JOIN task ON task.account_id = :account_id
    GROUP BY week.begins ORDER BY week.begins
""")
_PROJECTS = text("""
    SELECT project.name,
           count(task.id) FILTER (WHERE task.status <> 'done') AS open,
           count(task.id) FILTER (WHERE task.status = 'done') AS done,
           count(task.id) FILTER (WHERE task.status <> 'done' AND task.due_on < :today) AS overdue,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM task.done_at - task.created_at))
               FILTER (WHERE task.done_at IS NOT NULL) AS median_seconds
    FROM project LEFT JOIN task ON task.account_id = project.account_id AND task.project_id = project.id
    WHERE project.account_id = :account_id
    GROUP BY project.id ORDER BY open DESC, project.name LIMIT 50
""")


@dataclass(frozen=True)
class Week:
    begins: date
    created: int
    done: int


@dataclass(frozen=True)
class ProjectFigures:
    """`median_seconds`: from creation to done, None while nothing is done."""

    name: str
    open: int
    done: int
    overdue: int
    median_seconds: float | None


@dataclass(frozen=True)
class Report:
    """`projects` is None while the figures by project are switched off."""

    weeks: list[Week]
    projects: list[ProjectFigures] | None

    @property
    def done(self) -> int:
        return sum(week.done for week in self.weeks)

    @property
    def open(self) -> int:
        return sum(project.open for project in self.projects or [])

    @property
    def overdue(self) -> int:
        return sum(project.overdue for project in self.projects or [])

    @property
    def busiest(self) -> int:
        """The largest weekly figure, at least 1: the scale of the chart."""
        return max([1, *(max(week.created, week.done) for week in self.weeks)])


def report(db: Session, account_id: int, today: date, *, by_project: bool = True) -> Report:
    """The last twelve weeks of an account; without `by_project` the heavier half is left out."""
    wanted = {"account_id": account_id, "today": today}
    return Report(
        weeks=[Week(*row) for row in db.execute(_WEEKS, wanted)],
        projects=[ProjectFigures(*row) for row in db.execute(_PROJECTS, wanted)] if by_project else None,
    )


def in_words(seconds: float | None) -> str:
    """A duration for people: "3 days", "5 hours", "12 min"."""
    if seconds is None:
        return "none yet"
    for size, one, many in ((86_400, "day", "days"), (3600, "hour", "hours")):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {one if count == 1 else many}"
    return f"{max(1, round(seconds / 60))} min"

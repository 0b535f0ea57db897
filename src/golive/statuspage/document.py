"""The status page as data: what the HTML and the Statuspage v2 JSON are both drawn from."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from golive.incidents.lifecycle import State
from golive.people.models import Project
from golive.statuspage.conditions import conditions_of
from golive.statuspage.models import Component, Day, Notice, Told, Update
from golive.statuspage.standing import Overall, Standing, Status, of_component, of_page
from golive.statuspage.telling import page_of

DAYS = 90
PAST = 30


@dataclass(frozen=True)
class Bar:
    """A day of a component: how many of its checks' results were good; `share` None without results."""

    day: date
    results: int
    failures: int

    @property
    def share(self) -> float | None:
        return 1 - self.failures / self.results if self.results else None

    @property
    def tone(self) -> str:
        """none (no data), good, some (below 100 %), bad (below 95 %)."""
        if self.share is None:
            return "none"
        return "good" if not self.failures else "some" if self.share >= 0.95 else "bad"


@dataclass(frozen=True)
class Part:
    """A component as shown."""

    component: Component
    standing: Standing
    bars: list[Bar]

    @property
    def uptime(self) -> float | None:
        """Share of good results over all days; None without any."""
        results = sum(bar.results for bar in self.bars)
        return 1 - sum(bar.failures for bar in self.bars) / results if results else None


@dataclass(frozen=True)
class Story:
    """A notice with its updates, newest first."""

    notice: Notice
    updates: list[Update]

    @property
    def told(self) -> Told:
        return Told(self.updates[0].told)

    @property
    def resolved_at(self) -> datetime | None:
        return self.updates[0].at if self.told == Told.RESOLVED else None


@dataclass(frozen=True)
class Document:
    """The whole page."""

    project: Project
    title: str
    overall: Overall
    parts: list[Part]
    open: list[Story]
    past: list[Story]
    written_at: datetime


def compose(project: Project, now: datetime) -> Document:
    """Gather the page of a project."""
    components = list(Component.objects.filter(project=project))
    stories = _stories(project)
    live = [story for story in stories if story.told != Told.RESOLVED]
    said = _said(live)
    conditions = conditions_of(project, components, now)
    bars = _bars(project, components, now.date())
    parts = [
        Part(component, of_component(conditions[component.name], said.get(component.code)), bars[component.name])
        for component in components
    ]
    return Document(
        project=project,
        title=page_of(project).title or f"{project.name} status",
        overall=of_page({part.component.name: part.standing.status for part in parts}, len(live)),
        parts=parts,
        open=live,
        past=[story for story in stories if story.told == Told.RESOLVED],
        written_at=now,
    )


def _stories(project: Project) -> list[Story]:
    notices = Notice.objects.filter(incident__project=project).select_related("incident").prefetch_related("updates")
    stories = [Story(notice, list(notice.updates.all())) for notice in notices[:PAST]]
    return [story for story in stories if story.updates]


def _said(live: list[Story]) -> dict[str, Status]:
    """What responders said of components in the newest update of each open notice, while the incident is open."""
    said: dict[str, Status] = {}
    for story in live:
        if story.notice.incident.state in (State.DETECTED, State.ACKNOWLEDGED):
            said |= {code: Status(status) for code, status in story.updates[0].affected.items()}
    return said


def _bars(project: Project, components: list[Component], today: date) -> dict[str, list[Bar]]:
    since = today - timedelta(days=DAYS - 1)
    rows: dict[tuple[str, date], tuple[int, int]] = {
        (row.check_name, row.day): (row.results, row.failures)
        for row in Day.objects.filter(project=project, day__gte=since)
    }
    days = [since + timedelta(days=n) for n in range(DAYS)]
    return {component.name: [_bar(component, day, rows) for day in days] for component in components}


def _bar(component: Component, day: date, rows: dict[tuple[str, date], tuple[int, int]]) -> Bar:
    of_day = [rows.get((check, day), (0, 0)) for check in component.checks]
    return Bar(day, sum(results for results, _ in of_day), sum(failures for _, failures in of_day))

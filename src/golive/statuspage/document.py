"""The status page as data: what the HTML and the Statuspage v2 JSON are both drawn from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256

from golive.incidents.lifecycle import State
from golive.people.models import Project
from golive.statuspage import maintenance
from golive.statuspage.conditions import conditions_of
from golive.statuspage.models import (
    Component,
    Day,
    Maintenance,
    MaintenanceUpdate,
    Notice,
    Stage,
    StatusPage,
    Told,
    Update,
)
from golive.statuspage.standing import Overall, Standing, Status, of_component, of_page
from golive.statuspage.telling import affected_components, page_of
from golive.statuspage.wording import words

DAYS = 90
PAST = 30
OVER = (Told.RESOLVED, Told.POSTMORTEM)


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
    def codes(self) -> set[str]:
        """The components that it concerned, by what was said of them and by what fired."""
        said = {code for update in self.updates for code in update.affected}
        return said | {component.code for component in affected_components(self.notice.incident)}

    @property
    def resolved_at(self) -> datetime | None:
        return next((one.at for one in self.updates if one.told == Told.RESOLVED), None)


@dataclass(frozen=True)
class Work:
    """A scheduled maintenance with its updates, newest first."""

    work: Maintenance
    updates: list[MaintenanceUpdate]


@dataclass(frozen=True)
class Group:
    """Components under a heading; those without one stand alone, under an empty name."""

    name: str
    parts: list[Part]

    @property
    def code(self) -> str:
        return sha256(f"group/{self.parts[0].component.project_id}/{self.name}".encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Document:
    """The whole page."""

    project: Project
    title: str
    overall: Overall
    parts: list[Part]
    open: list[Story]
    past: list[Story]
    works: list[Work]
    page: StatusPage
    written_at: datetime

    @property
    def words(self) -> Mapping[str, str]:
        return words(self.page.language)

    @property
    def groups(self) -> list[Group]:
        """The components by their groups, in the order in which these first appear."""
        names = dict.fromkeys(part.component.group for part in self.parts)
        return [Group(name, [part for part in self.parts if part.component.group == name]) for name in names]

    @property
    def live_works(self) -> list[Work]:
        return [work for work in self.works if work.work.stage != Stage.COMPLETED]


def compose(project: Project, now: datetime) -> Document:
    """Gather the page of a project."""
    components = list(Component.objects.filter(project=project))
    stories = _stories(project)
    live = [story for story in stories if story.told not in OVER]
    settings = page_of(project)
    said = _said(live) | dict.fromkeys(maintenance.under_way(project), Status.MAINTENANCE)
    conditions = conditions_of(project, components, now)
    bars = _bars(project, components, now.date())
    parts = [
        Part(component, of_component(conditions[component.name], said.get(component.code)), bars[component.name])
        for component in components
    ]
    return Document(
        project=project,
        title=settings.title or f"{project.name} status",
        overall=of_page({part.component.name: part.standing.status for part in parts}, len(live)),
        parts=parts,
        open=live,
        past=[story for story in stories if story.told in OVER],
        works=_works(project, now),
        page=settings,
        written_at=now,
    )


def _works(project: Project, now: datetime) -> list[Work]:
    """Maintenance that is to come or under way, and what was completed in the last 30 days."""
    found = Maintenance.objects.filter(project=project, ends_at__gte=now - timedelta(days=30))
    return [Work(one, list(one.updates.all())) for one in found.prefetch_related("updates")[:PAST]]


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

"""Pages of the database: how it stands, each question's answer, single statements, weekly reviews."""

from datetime import datetime
from importlib import import_module
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from golive.changes.marks import marks
from golive.changes.models import Change, Kind
from golive.console.charts import Chart, Series
from golive.console.navigation import Entry
from golive.console.window import Window, window_of
from golive.people.models import Project, Role
from golive.people.permissions import needs
from golive.postgres.choice import url_of
from golive.postgres.door import of_database
from golive.postgres.look import history, plans
from golive.postgres.look.collector import Collector, Row
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.look.commands import cell
from golive.postgres.look.models import StatementText
from golive.postgres.look.review import sentence as review_sentence
from golive.postgres.look.run import look, revived
from golive.postgres.look.standing import sentence, standing, standings
from golive.postgres.models import Database
from golive.postgres.session import session
from golive.postgres.trouble import DatabaseTrouble
from golive.telemetry import store
from golive.telemetry.store import StoreError

SHOWN = 100
CHARTS: dict[str, tuple[str, str, str, float]] = {  # collector → measure, title, unit, factor
    "connections": ("connections.share", "Connections in use", "%", 100),
    "cache": ("cache.hit", "Pages from shared buffers", "%", 100),
    "replication": ("replication.lag", "Replication lag", "s", 1),
    "wal": ("wal.rate", "WAL written", "MB/s", 1e-6),
    "wraparound": ("wraparound.age", "Oldest transaction id", "million", 1e-6),
    "disk": ("disk.bytes", "All databases", "GB", 1e-9),
    "waits": ("waits.active", "Active sessions", "", 1),
}


@require_GET
@of_database
def database(request: HttpRequest, kept: Database) -> HttpResponse:
    """All questions at a glance."""
    found = standings(kept, timezone.now())
    context: dict[str, Any] = {
        "project": kept.project,
        "database": kept,
        "found": found,
        "firing": kept.conditions.filter(state="firing"),
        "sentence": sentence(kept, found),
    }
    template = "postgres/overview_live.html" if request.headers.get("HX-Request") else "postgres/overview.html"
    return render(request, template, context)


@require_GET
@of_database
def answer(request: HttpRequest, kept: Database, name: str) -> HttpResponse:
    """One question's answer: findings with the way out and back, rows, and the number over time."""
    collector = COLLECTORS.get(name)
    if collector is None:
        raise Http404
    snapshot = kept.snapshots.filter(collector=name).first()
    window = window_of(request, "24h")
    context: dict[str, Any] = {
        "project": kept.project,
        "one": standing(collector, snapshot, timezone.now()),
        "columns": collector.columns,
        "rows": [_cells(collector, row) for row in revived(snapshot.rows[:SHOWN])] if snapshot else [],
        "many": len(snapshot.rows) if snapshot else 0,
        "window": window,
    }
    if name in CHARTS:
        try:
            context["chart"] = _chart(kept, name, window)
        except StoreError as error:
            context["trouble"] = str(error)
    return render(request, "postgres/answer.html", context)


def _cells(collector: Collector, row: Row) -> list[dict[str, Any]]:
    return [
        {"column": column, "text": cell(column, row), "value": row.get(column.field),
         "statement": row.get("query_id") if column.field == "text" else None}
        for column in collector.columns
    ]  # fmt: skip


def _chart(kept: Database, name: str, window: Window) -> Chart:
    measure, title, unit, factor = CHARTS[name]
    times, values = history.over_time(kept, measure, window.since, window.until, window.step(120))
    scaled = [None if value is None else value * factor for value in values]
    points, bands = marks(kept.project, window.since, window.until)
    return Chart(title, unit, times, [Series(title.lower(), scaled)], marks=points, bands=bands)


@require_GET
@of_database
def statement(request: HttpRequest, kept: Database, query_id: str) -> HttpResponse:
    """One statement: its text, its time over days with deploys marked, its plan."""
    found = get_object_or_404(StatementText, database=kept, query_id=query_id)
    window = window_of(request, "7d")
    context: dict[str, Any] = {"project": kept.project, "found": found, "window": window}
    try:
        context.update(_over_time(kept.project, query_id, window))
    except StoreError as error:
        context["trouble"] = str(error)
    context["plans"] = [
        {"one": one, "scans": plans.scanned(one.text), "deploy": _deployed(kept.project, one.at)}
        for one in found.plans.all()[:10]
    ]
    return render(request, "postgres/statement.html", context)


def _deployed(project: Project, at: datetime) -> str:
    """The deploy after which a plan was first seen."""
    last = Change.objects.filter(project=project, kind=Kind.DEPLOY, at__lte=at).order_by("-at").first()
    return (last.title or last.release) if last else ""


def _over_time(project: Project, query_id: str, window: Window) -> dict[str, Any]:
    step = max(300, int(window.step(120).total_seconds()))
    begin, end = int(window.since.timestamp()) // step * step, int(window.until.timestamp())
    rows = store.rows(
        history.SQL["statement"], project=project.slug, query_id=query_id, since=begin, until=end, step=step
    )
    known = {int(row["at"]): row for row in rows}
    times = [float(at) for at in range(begin, end, step)]
    means = [
        known[at]["total_ms"] / max(known[at]["calls"], 1) if at in known else None for at in range(begin, end, step)
    ]
    calls = [known[at]["calls"] / step if at in known else None for at in range(begin, end, step)]
    points, bands = marks(project, window.since, window.until)
    span = {"project": project.slug, "query_id": query_id, "since": begin, "until": end}
    return {
        "by": [
            (
                "By release",
                "Release",
                [_each(row, row["release"] or "before the first deploy") for row in _by("release", span)],
            ),
            ("By day", "Day", [_each(row, f"{row['day']:%a %d %b}") for row in _by("day", span)]),
        ],
        "calls": sum(row["calls"] for row in rows),
        "total_ms": sum(row["total_ms"] for row in rows),
        "charts": [
            Chart("Time a call", "ms", times, [Series("mean", means)], marks=points, bands=bands),
            Chart("Calls", "/s", times, [Series("calls", calls)], marks=points, bands=bands),
        ],
    }


def _by(what: str, span: dict[str, Any]) -> list[dict[str, Any]]:
    return store.rows(history.SQL[f"by_{what}"], **span)


def _each(row: dict[str, Any], name: str) -> dict[str, Any]:
    """A stretch's calls, and what each took."""
    calls = max(row["calls"], 1)
    return {"name": name, "calls": row["calls"], "mean_ms": row["total_ms"] / calls, "rows": row["row_count"] / calls,
            "pages": row["pages"] / calls}  # fmt: skip


@require_POST
@needs(Role.RESPONDER)
@of_database
def plan(request: HttpRequest, kept: Database, query_id: str) -> HttpResponse:
    """Sample the plan of a statement now."""
    found = get_object_or_404(StatementText, database=kept, query_id=query_id)
    sampling = import_module("golive.postgres.look.sampling")  # its parser weighs 30 MB
    try:
        with session(url_of(kept), application="golive look") as connection:
            seen = sampling.plan(connection, found, timezone.now())
            why = "" if seen else plans.sample(connection, found.text)[1]
    except DatabaseTrouble as error:
        messages.error(request, str(error))
    else:
        if why:
            messages.info(request, f"There is no plan: {why}.")
    return redirect("database-statement", kept.project.slug, query_id)


@require_POST
@needs(Role.RESPONDER)
@of_database
def ask(request: HttpRequest, kept: Database, name: str) -> HttpResponse:
    """Ask one question now."""
    if name not in COLLECTORS:
        raise Http404
    try:
        look(kept, timezone.now(), [COLLECTORS[name]])
    except DatabaseTrouble as error:
        messages.error(request, str(error))
    return redirect("database-answer", kept.project.slug, name)


@require_GET
@of_database
def reviews(request: HttpRequest, kept: Database) -> HttpResponse:
    """The weekly reviews, the newest open."""
    told = [(review, review_sentence(review.content)) for review in kept.reviews.all()[:26]]
    return render(request, "postgres/reviews.html", {"project": kept.project, "reviews": told})


NAVIGATION = [Entry("Database", "database", "database", "q", 70)]
urlpatterns = [
    path("p/<slug:slug>/database/", database, name="database"),
    path("p/<slug:slug>/database/reviews/", reviews, name="database-reviews"),
    path("p/<slug:slug>/database/statements/<str:query_id>/", statement, name="database-statement"),
    path("p/<slug:slug>/database/statements/<str:query_id>/plan/", plan, name="database-plan"),
    path("p/<slug:slug>/database/look/<slug:name>/", answer, name="database-answer"),
    path("p/<slug:slug>/database/look/<slug:name>/ask/", ask, name="database-ask"),
]

"""The log search page: a query, a histogram, facets, lines; live on request; every view has its address."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse

from golive.changes.marks import marks
from golive.console.charts import Chart, Draw
from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.console.window import Window, window_of
from golive.logs.query import Condition, QueryError, compile_query
from golive.logs.search import Cursor, Line, Overview, lines, one, overview
from golive.people.models import Project
from golive.telemetry.store import StoreError

MOST_EXPORTED = 10_000
FACET_VALUES = 12
FACET_FIELDS = {"level": "level", "service": "service", "environment": "environment", "release": "release"}


@dataclass(frozen=True)
class Facet:
    """A value to filter by: how many lines have it, whether the query already asks for it, and where clicking leads."""

    value: str
    lines: int
    chosen: bool
    link: str


def logs(request: HttpRequest, slug: str) -> HttpResponse:
    """Search the logs of a project."""
    project = project_of(request, slug)
    window = window_of(request)
    query = request.GET.get("q", "")
    context: dict[str, Any] = {
        "project": project,
        "window": window,
        "query": query,
        "live": request.GET.get("live") == "1" and window.live,
        "live_link": _address(request, live=None if request.GET.get("live") == "1" else "1", cursor=None),
        "export_link": f"{reverse('logs-export', args=[slug])}?{request.GET.urlencode()}",
        "poll_link": _address(request),
        "since": request.GET.get("since", ""),
    }
    try:
        condition = compile_query(query)
        context |= found(request, project, condition, window, query)
    except QueryError as error:
        context["query_error"] = str(error)
    except StoreError as error:
        context["store_error"] = str(error)
    partial = request.headers.get("HX-Target") == "results"
    return render(request, "logs/results.html" if partial else "logs/search.html", context)


def found(request: HttpRequest, project: Project, condition: Condition, window: Window, query: str) -> dict[str, Any]:
    """What a query found, for the templates."""
    cursor = Cursor.read(request.GET.get("cursor", ""))
    seen = overview(project.slug, condition, window.since, window.until)
    page, following = lines(project.slug, condition, window.since, window.until, cursor, brief=True)
    points, bands = marks(project, window.since, window.until)
    narrower = urlencode({"q": query, "live": ""}) + "&since={since}&until={until}"
    return {
        "overview": seen,
        "errors": sum(count for level, count in seen.facets["level"] if level in ("error", "fatal")),
        "chart": Chart(
            "Lines by level",
            "",
            seen.times,
            seen.series,
            points,
            bands,
            draw=Draw.BARS,
            height_px=120,
            select_link=f"?{narrower}",
        ),
        "lines": page,
        "carried": _address(request, cursor=None).removeprefix("?"),
        "facets": facets(request, seen, query),
        "older": _address(request, cursor=str(following), live=None) if following else "",
        "newer": _address(request, cursor=None) if cursor else "",
    }


def facets(request: HttpRequest, seen: Overview, query: str) -> list[tuple[str, list[Facet], int]]:
    """Facets with the values that occur, how many more there are, and links that add or remove a filter."""
    shown = []
    for name, values in seen.facets.items():
        offered = [
            Facet(value, count, term in query, _address(request, q=toggled(query, term), cursor=None))
            for value, count in values[:FACET_VALUES]
            if value and (term := filter_term(FACET_FIELDS[name], value))
        ]
        if offered:
            shown.append((name, offered, max(0, len(values) - FACET_VALUES)))
    return shown


def filter_term(name: str, value: str) -> str:
    """The piece of a query that asks for one value of a field."""
    plain = value.isascii() and value.replace("_", "").isalnum()
    return f"{name}:{value}" if plain else f'{name}:"{value.translate(_ESCAPES)}"'


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"'})


def toggled(query: str, term: str) -> str:
    """The query with a piece added, or taken out when it is there."""
    if term in query:
        return " ".join(query.replace(term, " ").split())
    return f"{query} {term}".strip()


def line(request: HttpRequest, slug: str, time_ns: int, hash_: int) -> HttpResponse:
    """One line opened: all its attributes, its trace, and a filter for each value. `carried` is the page's address."""
    project = project_of(request, slug)
    line = one(project.slug, min(time_ns, 2**62), min(hash_, 2**64 - 1))
    if line is None:
        raise Http404
    query = request.GET.get("q", "")
    details = [
        (place, key, value, _address(request, q=toggled(query, filter_term(f"{place}.{key}", value)), cursor=None))
        for place, values in (("attributes", line.attributes), ("resource", line.resource))
        for key, value in sorted(values.items())
        if value
    ]
    trace = f"/p/{slug}/traces/{line.trace_id}/?span={line.span_id}" if line.trace_id else ""
    here = reverse("logs", args=[slug])
    return render(request, "logs/details.html", {"line": line, "details": details, "trace": trace, "here": here})


def _address(request: HttpRequest, **changed: str | None) -> str:
    """This page's address with some of its parameters changed; None takes one out."""
    query = request.GET.copy()
    for name, value in changed.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = value
    return f"?{query.urlencode()}"


def export(request: HttpRequest, slug: str) -> HttpResponse:
    """The matching lines as JSON lines, newest first, at most MOST_EXPORTED of them."""
    project = project_of(request, slug)
    window = window_of(request)
    try:
        condition = compile_query(request.GET.get("q", ""))
        page, more = lines(project.slug, condition, window.since, window.until, limit=MOST_EXPORTED)
    except QueryError as error:
        return HttpResponse(f"{error}\n", status=400, content_type="text/plain; charset=utf-8")
    except StoreError as error:
        return HttpResponse(f"{error}\n", status=503, content_type="text/plain; charset=utf-8")
    response = HttpResponse(_json_lines(page), content_type="application/x-ndjson")
    response["Content-Disposition"] = f'attachment; filename="{project.slug}-logs.jsonl"'
    response["X-Truncated"] = "true" if more else "false"
    return response


def _json_lines(page: list[Line]) -> Iterator[bytes]:
    for line in page:
        yield orjson.dumps(line.as_dict()) + b"\n"


urlpatterns = [
    path("p/<slug:slug>/logs/", logs, name="logs"),
    path("p/<slug:slug>/logs/lines/<int:time_ns>-<int:hash_>/", line, name="log-line"),
    path("p/<slug:slug>/logs/export", export, name="logs-export"),
]
NAVIGATION = [Entry("Logs", "logs", "file-text", "l", 30)]

"""Services, their routes, and traces: what is slow, what fails, and where the time goes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from golive.changes.marks import marks
from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.console.window import window_of
from golive.telemetry import store
from golive.telemetry.store import StoreError
from golive.traces import services as reading
from golive.traces import trace as traces_of
from golive.traces.tree import Row, arrange, rows

DEEPEST_INDENT = 20


def services(request: HttpRequest, slug: str) -> HttpResponse:
    """Every service with its traffic."""
    project = project_of(request, slug)
    window = window_of(request)
    context: dict[str, Any] = {"project": project, "window": window, "services": []}
    try:
        context["services"] = found = reading.services(project.slug, window)
        context["troubled"] = [service.name for service in found if service.state in ("critical", "warning")]
    except StoreError as error:
        context["store_error"] = str(error)
    return render(request, "traces/services.html", context)


def service(request: HttpRequest, slug: str, service: str) -> HttpResponse:
    """One service: rate, errors, duration, its routes, slowest traces and recent errors."""
    project = project_of(request, slug)
    window = window_of(request)
    route = request.GET.get("route", "")
    context: dict[str, Any] = {"project": project, "window": window, "service": service, "route": route}
    try:
        points, bands = marks(project, window.since, window.until)
        routes = reading.routes(project.slug, service, window)
        context |= {
            "routes": routes,
            "totals": next((s for s in reading.services(project.slug, window) if s.name == service), None),
            "charts": reading.charts(project.slug, service, window, route, points, bands),
            "slowest": traces_of.find(project.slug, window, service=service, route=route, slowest=True, limit=8),
            "errors": store.rows(
                reading.QUERIES["recent_errors"],
                project=project.slug,
                service=service,
                since=int(window.since.timestamp()) * 10**9,
                until=int(window.until.timestamp() + 1) * 10**9,
            ),
        }
    except StoreError as error:
        context["store_error"] = str(error)
    return render(request, "traces/service.html", context)


def traces(request: HttpRequest, slug: str) -> HttpResponse:
    """Search traces by service, route, duration and failure."""
    project = project_of(request, slug)
    window = window_of(request)
    asked = request.GET
    try:
        shortest = max(0.0, float(asked.get("min_ms") or 0))
    except ValueError:
        shortest = 0.0
    context: dict[str, Any] = {
        "project": project,
        "window": window,
        "service": asked.get("service", ""),
        "route": asked.get("route", ""),
        "min_ms": f"{shortest:g}" if shortest else "",
        "errors_only": asked.get("errors") == "1",
        "slowest": asked.get("sort") == "slowest",
    }
    try:
        context["services"] = [found.name for found in reading.services(project.slug, window)]
        context["traces"] = found = traces_of.find(
            project.slug,
            window,
            service=context["service"],
            route=context["route"],
            shortest_ms=shortest,
            errors_only=context["errors_only"],
            slowest=context["slowest"],
        )
        context["longest_ns"] = max((one.duration_ns for one in found), default=1) or 1
        context["failed"] = sum(one.failed for one in found)
    except StoreError as error:
        context["store_error"] = str(error)
    return render(request, "traces/traces.html", context)


@dataclass(frozen=True)
class Bar:
    """A waterfall row ready to draw: percentages of the trace's width, milliseconds since its start."""

    row: Row
    left: float
    width: float
    start_ms: float
    duration_ms: float
    indent: int

    @property
    def label(self) -> str:
        """Where its duration is written: after the bar, before it, or inside it."""
        if self.left + self.width < 88:
            return "after"
        return "before" if self.left > 12 else "inside"


def trace(request: HttpRequest, slug: str, trace_id: str) -> HttpResponse:
    """The waterfall of one trace, with its logs and errors."""
    project = project_of(request, slug)
    trace_id = trace_id.lower()
    context: dict[str, Any] = {"project": project, "trace_id": trace_id, "chosen": request.GET.get("span", "")}
    try:
        where = traces_of.extent(project.slug, trace_id)
        if where is not None:
            context |= _waterfall(project.slug, trace_id, where, request.GET.getlist("open"))
            context["logs"] = traces_of.logs(project.slug, trace_id, where)
            context["errors"] = traces_of.errors(project.slug, trace_id, where)
    except StoreError as error:
        context["store_error"] = str(error)
    return render(request, "traces/trace.html", context)


def _waterfall(project: str, trace_id: str, where: traces_of.Extent, opened: list[str]) -> dict[str, Any]:
    spans, more = traces_of.spans(project, trace_id, where)
    if not spans:
        return {}
    nodes = arrange(spans)
    began, ended = min(span.start_ns for span in spans), max(span.end_ns for span in spans)
    whole = max(1, ended - began)
    bars = [
        Bar(
            row,
            100 * (row.node.span.start_ns - began) / whole,
            max(0.15, 100 * row.node.span.duration_ns / whole),
            (row.node.span.start_ns - began) / 1e6,
            row.node.span.duration_ns / 1e6,
            min(row.node.depth, DEEPEST_INDENT),
        )
        for row in rows(nodes, opened)
    ]
    return {
        "bars": bars,
        "root": nodes[0].span,
        "began": datetime.fromtimestamp(began / 1e9, UTC),
        "duration_ms": whole / 1e6,
        "span_count": len(spans),
        "more_spans": more,
        "failed": sum(span.failed for span in spans),
        "orphans": sum(node.orphan for node in nodes),
        "services": sorted({span.service for span in spans}),
        "ticks": [(part * 25, whole / 1e6 * part / 4) for part in range(5)],
    }


def span(request: HttpRequest, slug: str, trace_id: str, span_id: str) -> HttpResponse:
    """The details of one span, for the waterfall."""
    project = project_of(request, slug)
    where = traces_of.extent(project.slug, trace_id)
    found = traces_of.span(project.slug, trace_id, span_id, where) if where else None
    if found is None:
        raise Http404
    return render(
        request,
        "traces/span.html",
        {
            "project": project,
            "span": found,
            "duration_ms": found["duration_ns"] / 1e6,
            "attributes": sorted(found["attributes"].items()),
            "resource": sorted(found["resource"].items()),
        },
    )


urlpatterns = [
    path("p/<slug:slug>/services/", services, name="services"),
    path("p/<slug:slug>/services/<path:service>/", service, name="service"),
    path("p/<slug:slug>/traces/", traces, name="traces"),
    path("p/<slug:slug>/traces/<str:trace_id>/", trace, name="trace"),
    path("p/<slug:slug>/traces/<str:trace_id>/spans/<str:span_id>/", span, name="span"),
]
NAVIGATION = [
    Entry("Services", "services", "server-2", "s", 20),
    Entry("Traces", "traces", "timeline", "t", 35),
]

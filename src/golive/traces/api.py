"""Services and traces over HTTP."""

from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema
from ninja.errors import HttpError

from golive.console.window import Window, read
from golive.people.models import Project
from golive.people.tokens import scope
from golive.traces import services as reading
from golive.traces import trace as traces_of

router = Router()


class TrafficOut(Schema):
    """Traffic of a service or route in the window; durations in milliseconds, null without requests."""

    name: str
    method: str
    requests: int
    failures: int
    error_rate: float | None
    per_second: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class FoundOut(Schema):
    """A trace in a list, by its server span."""

    trace_id: str
    span_id: str
    service: str
    name: str
    http_route: str
    http_status: int
    status: str
    duration_ms: float
    time_ns: int
    synthetic: bool


class SpanOut(Schema):
    """A span of a trace; times in nanoseconds since 1970."""

    span_id: str
    parent_span_id: str
    service: str
    name: str
    kind: str
    status: str
    start_ns: int
    duration_ns: int


class TraceOut(Schema):
    """A whole trace; `complete` is false when only its first 10 000 spans are here."""

    trace_id: str
    complete: bool
    spans: list[SpanOut]


def window(since: str, until: str) -> Window:
    return read({"since": since, "until": until}, timezone.now())


@router.get("/projects/{slug}/services", response=list[TrafficOut], auth=scope("traces:read"), summary="List services")
def services(request: HttpRequest, slug: str, since: str = "1h", until: str = "") -> list[reading.Traffic]:
    """Every service with its rate, errors and durations; synthetic requests do not count."""
    project = get_object_or_404(Project, slug=slug)
    return reading.services(project.slug, window(since, until))


@router.get(
    "/projects/{slug}/services/{service}/routes",
    response=list[TrafficOut],
    auth=scope("traces:read"),
    summary="List a service's routes",
)
def routes(request: HttpRequest, slug: str, service: str, since: str = "1h", until: str = "") -> list[reading.Traffic]:
    """The routes of a service, those that take most of its time first."""
    project = get_object_or_404(Project, slug=slug)
    return reading.routes(project.slug, service, window(since, until))


@router.get("/projects/{slug}/traces", response=list[FoundOut], auth=scope("traces:read"), summary="Search traces")
def traces(
    request: HttpRequest,
    slug: str,
    service: str = "",
    route: str = "",
    min_ms: float = 0,
    errors_only: bool = False,
    slowest: bool = False,
    since: str = "1h",
    until: str = "",
    limit: int = 100,
) -> list[traces_of.Found]:
    """Traces whose server spans match, newest or slowest first."""
    project = get_object_or_404(Project, slug=slug)
    return traces_of.find(
        project.slug,
        window(since, until),
        service=service,
        route=route,
        shortest_ms=min_ms,
        errors_only=errors_only,
        slowest=slowest,
        limit=max(1, min(limit, 1000)),
    )


@router.get("/projects/{slug}/traces/{trace_id}", response=TraceOut, auth=scope("traces:read"), summary="Read a trace")
def trace(request: HttpRequest, slug: str, trace_id: str) -> dict[str, Any]:
    """All spans of a trace, by start."""
    project = get_object_or_404(Project, slug=slug)
    where = traces_of.extent(project.slug, trace_id.lower())
    if where is None:
        raise HttpError(404, f"No span of trace {trace_id} has arrived.")
    spans, more = traces_of.spans(project.slug, trace_id.lower(), where)
    return {"trace_id": trace_id.lower(), "complete": not more, "spans": spans}

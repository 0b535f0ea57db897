"""Pages of checks: is everything up, and what does each check see?"""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from golive.alerts import liveness
from golive.alerts.models import Flip
from golive.changes.marks import marks
from golive.checks import definition, history, probes
from golive.checks.journeying import ask_everywhere
from golive.checks.maintenance import windows_of
from golive.checks.models import Check, Job, Ping, Probe
from golive.checks.network import regions_of
from golive.checks.pings import ping
from golive.checks.probe import REGION
from golive.checks.run import run
from golive.checks.standing import headline, standing, standings
from golive.checks.verdict import Outcome
from golive.checks.windows import under_maintenance
from golive.console.charts import Chart, Draw, Series
from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.console.window import Window, window_of
from golive.journeys.keep import evidence as evidence_of
from golive.journeys.models import Run
from golive.people.models import Project, Role
from golive.people.permissions import needs
from golive.telemetry.store import StoreError


def _list(project: Project, window: Window) -> dict[str, Any]:
    now = timezone.now()
    try:
        known, trouble = history.histories(project.slug, now, length=window.length), ""
    except StoreError as error:
        known, trouble = {}, str(error)
    found = standings(project, now, known)
    return {
        "project": project,
        "found": found,
        "headline": headline(found, now),
        "trouble": trouble,
        "prober": liveness.of("checks", now),
        "probes": [probes.row(one, now) for one in Probe.objects.all()],
    }


@require_GET
def checks(request: HttpRequest, slug: str) -> HttpResponse:
    """All checks: state, history, latency, uptime."""
    project = project_of(request, slug)
    window = window_of(request, "24h")
    template = "checks/list.html" if request.headers.get("HX-Request") else "checks/page.html"
    return render(request, template, {**_list(project, window), "window": window})


@require_GET
def check(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """One check: what it sees, how fast, when it flipped."""
    project = project_of(request, slug)
    found = get_object_or_404(Check.objects.select_related("project", "state_row"), project=project, name=name)
    window = window_of(request, "6h")
    now = timezone.now()
    failures = request.GET.get("only") == "failures"
    context: dict[str, Any] = {"project": project, "window": window, "failures": failures, "trouble": ""}
    try:
        known = history.histories(project.slug, now, name=name, length=window.length)
        context["charts"] = _charts(project, name, window)
        context["results"] = history.results(project.slug, name, window.since, window.until, failures=failures, most=30)
    except StoreError as error:
        known, context["trouble"] = {}, str(error)
    context["one"] = standing(found, now, known.get(name))
    if found.kind == "heartbeat":
        context["job"] = Job.objects.filter(check_row=found).first()
        context["pings"] = Ping.objects.filter(job=context["job"]).order_by("-pk")[:10]
    context["regions"] = _regions_of(found, now)
    context["maintenance"] = under_maintenance(windows_of().get(project.slug, []), name, now)
    if found.kind == "journey":
        context["runs"] = Run.objects.filter(project=project, check_name=name).order_by("-at")[:12]
        context["elsewhere"] = definition.of(found).seen_from != [REGION]
    context["flips"] = Flip.objects.filter(project=project, source=f"check:{name}").order_by("-id")[:20]
    template = "checks/detail_live.html" if request.headers.get("HX-Request") else "checks/detail.html"
    return render(request, template, context)


def _regions_of(check: Check, now: datetime) -> list[str]:
    """The regions that look at a check."""
    known = regions_of(list(Probe.objects.exclude(seen_at=None)), now).out
    wanted = definition.of(check).seen_from
    return sorted(region for region in known if not wanted or region in wanted)


def _charts(project: Project, name: str, window: Window) -> list[Chart]:
    rows = history.latency(project.slug, name, window)
    if not rows:
        return []
    points, bands = marks(project, window.since, window.until)
    times = [float(row["at"]) for row in rows]
    lines = [Series(label, [row[key] for row in rows]) for label, key in (("p50", "p50"), ("p95", "p95"))]
    phases = (("DNS", "dns"), ("connect", "connect"), ("TLS", "tls"), ("first byte", "first_byte"))
    stacked = [Series(label, [row[key] for row in rows]) for label, key in phases if any(row[key] for row in rows)]
    return [
        Chart("Latency", "ms", times, lines, marks=points, bands=bands),
        Chart("Where the time goes", "ms", times, stacked, marks=points, bands=bands, draw=Draw.BARS),
    ]


@require_POST
@needs(Role.RESPONDER)
def probe_now(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Probe once from here and say what was seen; the state is left alone."""
    project = project_of(request, slug)
    found = get_object_or_404(Check.objects.select_related("project"), project=project, name=name)
    if found.kind == "journey":
        ask_everywhere(found, timezone.now(), by=str(request.user))
        messages.success(request, f"{name} is asked for; its run appears here when it is done.")
        return redirect("check", slug, name)
    result = run(found)
    tell = {Outcome.UP: messages.success, Outcome.DOWN: messages.error, Outcome.FAULT: messages.warning}
    tell[result.attempt.outcome](request, f"Just now, from this console: {name} {result.attempt.reason}.")
    return redirect("check", slug, name)


@require_GET
def evidence(request: HttpRequest, slug: str, name: str, number: int, file: str) -> HttpResponseBase:
    """A file that a failed run left: shown when it is a picture or a log, else handed out."""
    project = project_of(request, slug)
    found = get_object_or_404(Run, project=project, check_name=name, pk=number)
    path = evidence_of(found, file)
    if path is None:
        raise Http404("This run left no such file; only the last failures are kept.")
    kind = {".png": "image/png", ".jsonl": "text/plain; charset=utf-8"}.get(path.suffix, "application/zip")
    return FileResponse(path.open("rb"), content_type=kind, as_attachment=path.suffix == ".zip", filename=path.name)


NAVIGATION = [Entry("Checks", "checks", "heart-rate-monitor", "c", 20)]
urlpatterns = [
    path("ping/<uuid:uuid>", ping, name="ping"),
    path("ping/<uuid:uuid>/start", ping, {"signal": "start"}),
    path("ping/<uuid:uuid>/fail", ping, {"signal": "fail"}),
    path("ping/<uuid:uuid>/log", ping, {"signal": "log"}),
    path("ping/<uuid:uuid>/<int:exit_status>", ping),
    path("p/<slug:slug>/checks/", checks, name="checks"),
    path("p/<slug:slug>/checks/<slug:name>/", check, name="check"),
    path("p/<slug:slug>/checks/<slug:name>/runs/<int:number>/<str:file>", evidence, name="check-evidence"),
    path("p/<slug:slug>/checks/<slug:name>/probe/", probe_now, name="check-probe"),
]

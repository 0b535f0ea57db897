"""Pages of rules: does anything fire, how near are the others, and what are the thresholds?"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from golive.alerts import liveness
from golive.alerts.models import Flip
from golive.changes.marks import marks
from golive.console.charts import Chart, Series
from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.console.window import Window, window_of
from golive.people.models import Project, Role
from golive.people.permissions import may, needs
from golive.people.tokens import actor
from golive.rules.configure import OverrideError, line, override
from golive.rules.history import UNITS, histories
from golive.rules.models import Rule
from golive.rules.settings import RuleKind, settings_of
from golive.rules.standing import sentence, standing, standings
from golive.telemetry.store import StoreError

EDITABLE = {
    RuleKind.ERROR_RATE: ("warning", "critical", "window", "minimum_requests"),
    RuleKind.P95: ("warning", "critical", "window", "minimum_requests"),
    RuleKind.POOL: ("warning", "critical"),
    RuleKind.DISK: ("warning", "critical"),
    RuleKind.WEBHOOK_FAILURES: ("warning", "critical", "window"),
    RuleKind.SIGNUPS: ("window", "severity"),
}
HINTS = {"warning": "empty: never warns", "critical": "empty: never pages", "window": "like 5m or 24h"}


@require_GET
def rules(request: HttpRequest, slug: str) -> HttpResponse:
    """All six rules."""
    project = project_of(request, slug)
    now = timezone.now()
    found, trouble = standings(project, now), ""
    try:
        since = now - timedelta(hours=1)
        pasts = histories([one.rule for one in found], since, now, timedelta(minutes=1))
        found = [replace(one, values=past.values) for one, past in zip(found, pasts, strict=True)]
    except StoreError as error:
        trouble = str(error)
    context = {
        "project": project,
        "found": found,
        "sentence": sentence(found),
        "trouble": trouble,
        "evaluator": liveness.of("rules", now),
    }
    template = "rules/list.html" if request.headers.get("HX-Request") else "rules/page.html"
    return render(request, template, context)


@require_GET
def rule(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """One rule: its instances, its value over time, its transitions, its thresholds."""
    project = project_of(request, slug)
    found = get_object_or_404(Rule.objects.select_related("project"), project=project, kind=kind)
    window = window_of(request, "6h")
    one = standing(found, timezone.now())
    context: dict[str, Any] = {"project": project, "one": one, "window": window}
    try:
        context["chart"] = _chart(project, found, window)
    except StoreError as error:
        context["trouble"] = str(error)
    context["flips"] = Flip.objects.filter(project=project, source=f"rule:{kind}").order_by("-id")[:20]
    context["fields"] = _fields(found)
    context["may_edit"] = may(request.user, Role.ADMIN)
    context["from_file"] = line(settings_of(RuleKind(kind), found.settings))
    return render(request, "rules/detail.html", context)


def _chart(project: Project, found: Rule, window: Window) -> Chart:
    kind = RuleKind(found.kind)
    (past,) = histories([found], window.since, window.until, window.step(120))
    points, bands = marks(project, window.since, window.until)
    series = [Series("worst instance" if kind in (RuleKind.POOL, RuleKind.DISK) else "all services", past.values)]
    settings = found.in_force()
    for name in ("warning", "critical"):
        level = getattr(settings, name, None)
        if level is None or kind in (RuleKind.WEBHOOK_FAILURES, RuleKind.SIGNUPS):
            continue
        number = level.total_seconds() * 1000 if isinstance(level, timedelta) else float(level) * 100
        series.append(Series(name, [number] * len(past.times), tone=name))
    return Chart("Value", UNITS[kind], past.times, series, marks=points, bands=bands)


def _fields(found: Rule) -> list[dict[str, Any]]:
    """The form's fields with the values in force, written as golive.toml would."""
    settings = found.in_force()
    return [
        {
            "name": name,
            "label": name.replace("_", " "),
            "value": _written(getattr(settings, name)),
            "hint": HINTS.get(name, ""),
            "overridden": name in found.override,
        }
        for name in EDITABLE[RuleKind(found.kind)]
    ]


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
            if seconds and seconds % size == 0:
                return f"{seconds / size:.0f}{unit}"
        return f"{seconds * 1000:.0f}ms"
    return f"{value * 100:g}%" if isinstance(value, float) else str(value)


@require_POST
@needs(Role.ADMIN)
def change(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """Set thresholds over golive.toml, or go back to the file."""
    project = project_of(request, slug)
    found = get_object_or_404(Rule.objects.select_related("project"), project=project, kind=kind)
    values: dict[str, Any] = {}
    if request.POST.get("action") != "reset":
        before = {field["name"]: field["value"] for field in _fields(found)}
        for name in EDITABLE[RuleKind(kind)]:
            written = request.POST.get(name, "").strip()
            if name in found.override or written != before[name]:
                values[name] = _read(written)
    try:
        override(found, values, actor(request), timezone.now())
    except OverrideError as error:
        messages.error(request, f"Not changed. {error}")
    else:
        messages.success(request, "The rule follows golive.toml again." if not values else "The rule was changed.")
    return redirect("rule", slug, kind)


def _read(written: str) -> Any:
    if not written:
        return None
    return int(written) if written.isdigit() else written


NAVIGATION = [Entry("Rules", "rules", "bell-cog", "r", 25)]
urlpatterns = [
    path("p/<slug:slug>/rules/", rules, name="rules"),
    path("p/<slug:slug>/rules/<slug:kind>/", rule, name="rule"),
    path("p/<slug:slug>/rules/<slug:kind>/change/", change, name="rule-change"),
]

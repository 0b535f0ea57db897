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
from golive.rules import builder, custom, slo
from golive.rules.configure import OverrideError, line, override
from golive.rules.history import histories, unit
from golive.rules.models import Origin, Rule
from golive.rules.runbook import runbook_html
from golive.rules.settings import COOKBOOK, Burn, RuleKind, settings_of
from golive.rules.standing import sentence, standing, standings
from golive.telemetry.store import StoreError

WITHOUT_LINES = (
    RuleKind.WEBHOOK_FAILURES,
    RuleKind.SIGNUPS,
    RuleKind.CHANGE,
    RuleKind.ANOMALY,
    RuleKind.BURN,
)
EDITABLE = {
    RuleKind.ERROR_RATE: ("warning", "critical", "window", "minimum_requests"),
    RuleKind.P95: ("warning", "critical", "window", "minimum_requests"),
    RuleKind.POOL: ("warning", "critical"),
    RuleKind.DISK: ("warning", "critical"),
    RuleKind.WEBHOOK_FAILURES: ("warning", "critical", "window"),
    RuleKind.SIGNUPS: ("window", "severity"),
    RuleKind.THRESHOLD: ("warning", "critical", "window", "for", "recover"),
    RuleKind.ABSENCE: ("severity", "window", "for"),
    RuleKind.CHANGE: ("warning", "critical", "window", "against", "for"),
    RuleKind.ANOMALY: ("warning", "critical", "window", "for"),
    RuleKind.BURN: ("objective", "latency"),
    RuleKind.ERRORS: ("severity", "window"),
}
SPARK_SECONDS = 60
HINTS = {
    "warning": "empty: never warns",
    "critical": "empty: never pages",
    "window": "like 5m or 24h",
    "for": "how long it must last",
    "severity": "warning or critical",
}


@require_GET
def rules(request: HttpRequest, slug: str) -> HttpResponse:
    """All rules."""
    project = project_of(request, slug)
    now = timezone.now()
    found, trouble = standings(project, now), ""
    try:
        since = now - timedelta(hours=1)
        shown = [one for one in found if one.rule.kind in COOKBOOK][:6]
        pasts = histories([one.rule for one in shown], since, now, timedelta(minutes=1))
        values = {one.rule.pk: past.values for one, past in zip(shown, pasts, strict=True)}
        found = [replace(one, values=values.get(one.rule.pk, ())) for one in found]
    except StoreError as error:
        trouble = str(error)
    context = {
        "project": project,
        "found": found,
        "sentence": sentence(found),
        "trouble": trouble,
        "evaluator": liveness.of("rules", now),
        "may_edit": may(request.user, Role.ADMIN),
    }
    template = "rules/list.html" if request.headers.get("HX-Request") else "rules/page.html"
    return render(request, template, context)


@require_GET
def rule(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """One rule: its instances, its value over time, its transitions, its thresholds."""
    project = project_of(request, slug)
    found = get_object_or_404(Rule.objects.select_related("project"), project=project, name=name)
    window = window_of(request, "6h")
    one = standing(found, timezone.now())
    context: dict[str, Any] = {"project": project, "one": one, "window": window}
    try:
        context["chart"] = _chart(project, found, window)
    except StoreError as error:
        context["trouble"] = str(error)
    context["flips"] = Flip.objects.filter(project=project, source=found.source).order_by("-id")[:20]
    context["fields"] = _fields(found)
    context["may_edit"] = may(request.user, Role.ADMIN)
    context["periods"] = builder.PERIODS
    context["runbook"] = runbook_html(found.in_force().runbook)
    context["declared"] = found.origin != Origin.COOKBOOK
    context["settings"] = custom.written(found, EDITABLE[RuleKind(found.kind)])
    context["budget"] = _budget(found)
    context["from_file"] = line(settings_of(RuleKind(found.kind), found.settings))
    return render(request, "rules/detail.html", context)


@require_GET
def spark(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """The last hour of one rule as a small line: declared rules' queries are asked one by one, behind the page."""
    project = project_of(request, slug)
    found = get_object_or_404(Rule.objects.select_related("project"), project=project, name=name)
    now = timezone.now()
    try:
        (past,) = histories([found], now - timedelta(hours=1), now, timedelta(minutes=1))
        values = past.values
    except StoreError:
        values = ()
    answer = render(request, "console/sparkline.html", {"values": values, "label": ""})
    answer["Cache-Control"] = f"private, max-age={SPARK_SECONDS}"
    return answer


def _chart(project: Project, found: Rule, window: Window) -> Chart:
    kind = RuleKind(found.kind)
    (past,) = histories([found], window.since, window.until, window.step(120))
    points, bands = marks(project, window.since, window.until)
    series = [Series("worst instance" if kind in (RuleKind.POOL, RuleKind.DISK) else "all services", past.values)]
    settings = found.in_force()
    for name in ("warning", "critical"):
        level = getattr(settings, name, None)
        if level is None or kind in WITHOUT_LINES:
            continue
        number = level.total_seconds() * 1000 if isinstance(level, timedelta) else float(level)
        number *= 100 if unit(found).startswith("%") else 1
        series.append(Series(name, [number] * len(past.times), tone=name))
    return Chart("Value", unit(found), past.times, series, marks=points, bands=bands)


def _budget(found: Rule) -> dict[str, Any] | None:
    """What is left of the error budget of a rule that watches one."""
    settings = found.in_force()
    if not isinstance(settings, Burn):
        return None
    try:
        return slo.standing(found.project, settings, timezone.now())
    except StoreError as error:
        return {"trouble": str(error)}


def _fields(found: Rule) -> list[dict[str, Any]]:
    """The form's fields with the values in force, written as golive.toml would."""
    settings = found.in_force()
    return [
        {
            "name": name,
            "label": name.replace("_", " "),
            "value": custom.say(getattr(settings, "hold" if name == "for" else name), name),
            "hint": HINTS.get(name, ""),
            "overridden": name in found.override,
        }
        for name in EDITABLE[RuleKind(found.kind)]
    ]


@require_POST
@needs(Role.ADMIN)
def change(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Set thresholds over golive.toml, or go back to the file."""
    project = project_of(request, slug)
    found = get_object_or_404(Rule.objects.select_related("project"), project=project, name=name)
    values: dict[str, Any] = {}
    if request.POST.get("action") != "reset":
        before = {field["name"]: field["value"] for field in _fields(found)}
        for field in EDITABLE[RuleKind(found.kind)]:
            written = request.POST.get(field, "").strip()
            if field in found.override or written != before[field]:
                values[field] = _read(written)
    try:
        override(found, values, actor(request), timezone.now())
    except OverrideError as error:
        messages.error(request, f"Not changed. {error}")
    else:
        messages.success(request, "The rule follows golive.toml again." if not values else "The rule was changed.")
    return redirect("rule", slug, name)


def _read(written: str) -> Any:
    if not written:
        return None
    return int(written) if written.isdigit() else written


NAVIGATION = [Entry("Rules", "rules", "bell-cog", "r", 25)]
urlpatterns = [
    path("p/<slug:slug>/rules/", rules, name="rules"),
    path("p/<slug:slug>/rules-new/", builder.new, name="rule-new"),
    path("p/<slug:slug>/rules-new/save/", builder.create, name="rule-create"),
    path("p/<slug:slug>/rules-new/backtest/", builder.try_new, name="rule-try-new"),
    path("p/<slug:slug>/slo/", builder.objectives, name="slo"),
    path("p/<slug:slug>/rules/<slug:name>/", rule, name="rule"),
    path("p/<slug:slug>/rules/<slug:name>/spark/", spark, name="rule-spark"),
    path("p/<slug:slug>/rules/<slug:name>/backtest/", builder.try_existing, name="rule-try"),
    path("p/<slug:slug>/rules/<slug:name>/delete/", builder.delete, name="rule-delete"),
    path("p/<slug:slug>/rules/<slug:name>/change/", change, name="rule-change"),
]

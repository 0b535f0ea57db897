"""Views that make a rule on the console: a form, a back-test before anything is saved, and the end of a rule."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from golive.changes.marks import marks
from golive.console.charts import Band, Chart, Series
from golive.console.frame import project_of
from golive.people.models import Project, Role
from golive.people.permissions import may, needs
from golive.people.tokens import actor
from golive.rules import backtest, custom, past, slo
from golive.rules.expression import FUNCTIONS
from golive.rules.history import unit_of
from golive.rules.models import Rule
from golive.rules.settings import Burn, RuleKind, RuleSettings
from golive.rules.standing import standings, thresholds
from golive.telemetry.store import StoreError

PERIODS = ("1h", "6h", "24h", "7d", "30d")
KINDS = (
    ("threshold", "Threshold: the value is above or below a level"),
    ("absence", "Absence: what used to arrive does not"),
    ("change", "Change: it differs from what it was earlier"),
    ("anomaly", "Anomaly: it is unlike the same hour of past weeks"),
    ("errors", "Errors: a new error, or one that came back"),
)
FIELDS: dict[str, tuple[str, ...]] = {
    "threshold": ("query", "window", "direction", "warning", "critical", "for", "recover"),
    "absence": ("query", "window", "remember", "severity", "for"),
    "change": ("query", "window", "against", "direction", "warning", "critical", "minimum", "for"),
    "anomaly": ("query", "window", "weeks", "direction", "warning", "critical", "minimum", "for"),
    "errors": ("severity", "window", "for"),
}
COMMON = ("title", "service", "runbook")
NUMBERS = ("minimum", "weeks")
EXAMPLES = (
    ("count(logs{level:>=error}) by service", "error lines, by service"),
    ("p95(requests{route:/api/*})", "response time of the API, in ms"),
    ("count(requests{error:true}) / count(requests)", "share of failing requests"),
    ("max(metric queue.depth) by queue", "a gauge, by one of its attributes"),
    ("sum(event payment.succeeded)", "revenue, in minor units"),
    ("uniq(event user.logged_in)", "people who logged in"),
)


@require_GET
@needs(Role.ADMIN)
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """The form of a rule; its fields follow the kind."""
    project = project_of(request, slug)
    return render(request, "rules/new.html", _form(project, request.GET.dict()))


def _form(project: Project, given: Mapping[str, str], error: str = "") -> dict[str, Any]:
    kind = given.get("kind", "") if given.get("kind") in FIELDS else "threshold"
    return {
        "project": project,
        "kinds": KINDS,
        "kind": kind,
        "fields": FIELDS[kind],
        "given": given,
        "examples": EXAMPLES,
        "sources": FUNCTIONS,
        "periods": PERIODS,
        "error": error,
    }


def settings_of_form(given: Mapping[str, str]) -> dict[str, Any]:
    """What was filled in, as golive.toml would say it; what is empty keeps its default."""
    kind = given.get("kind", "threshold")
    told: dict[str, Any] = {"kind": kind}
    for name in (*FIELDS.get(kind, ()), *COMMON):
        text = given.get(name, "").strip()
        if text:
            told[name] = float(text) if name in NUMBERS and text.replace(".", "", 1).isdigit() else text
    if kind == "anomaly":
        for name in ("warning", "critical"):
            if name in told:
                told[name] = told[name] if not str(told[name]).replace(".", "", 1).isdigit() else float(told[name])
    if kind == "errors":
        told["new"], told["regressed"] = bool(given.get("new")), bool(given.get("regressed"))
    if given.get("together"):
        told["together"] = True
    return told


@require_POST
@needs(Role.ADMIN)
def create(request: HttpRequest, slug: str) -> HttpResponse:
    """Save the rule."""
    project, given = project_of(request, slug), request.POST.dict()
    texts = {name: str(value) for name, value in given.items()}
    try:
        made = custom.create(project, texts.get("name", "").strip(), settings_of_form(texts), actor(request))
    except custom.RuleError as error:
        return render(request, "rules/new.html", _form(project, texts, str(error)), status=422)
    messages.success(request, f"Rule {made.name} is made. It is evaluated every 10 seconds from now on.")
    return redirect("rule", slug, made.name)


@require_POST
@needs(Role.ADMIN)
def delete(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Delete a rule that was made here."""
    project = project_of(request, slug)
    found = get_object_or_404(Rule.objects.select_related("project"), project=project, name=name)
    try:
        custom.delete(found, actor(request))
    except custom.RuleError as error:
        messages.error(request, f"Not deleted: {error}.")
        return redirect("rule", slug, name)
    messages.success(request, f"Rule {name} is deleted.")
    return redirect("rules", slug)


@require_POST
def try_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Back-test what the form says."""
    project = project_of(request, slug)
    given = {name: str(value) for name, value in request.POST.items()}
    try:
        kind, settings = custom.read(settings_of_form(given))
    except custom.RuleError as error:
        return render(request, "rules/backtest.html", {"project": project, "error": str(error)})
    return _tried(request, project, kind, settings, given.get("over", "7d"))


@require_POST
def try_existing(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Back-test a rule with the thresholds of its form."""
    project = project_of(request, slug)
    found = get_object_or_404(Rule.objects.select_related("project"), project=project, name=name)
    given = {key: str(value).strip() for key, value in request.POST.items()}
    ignored = ("csrfmiddlewaretoken", "over", "action")
    over = {key: _read(value) for key, value in given.items() if key not in ignored}
    try:
        kind, settings = custom.existing(found, over)
    except custom.RuleError as error:
        return render(request, "rules/backtest.html", {"project": project, "error": str(error)})
    return _tried(request, project, kind, settings, given.get("over", "7d"))


def _read(text: str) -> Any:
    return None if not text else int(text) if text.isdigit() else text


def _tried(request: HttpRequest, project: Project, kind: RuleKind, settings: RuleSettings, over: str) -> HttpResponse:
    now = timezone.now()
    context: dict[str, Any] = {"project": project, "now": now}
    try:
        result = backtest.run(project, kind, settings, now - custom.length(over), now)
    except (custom.RuleError, past.NotRecorded, StoreError) as error:
        return render(request, "rules/backtest.html", context | {"error": str(error)})
    context |= {
        "result": result,
        "sentence": result.sentence(),
        "thresholds": thresholds(kind, settings),
        "told": [(one, one.firing.lasted(now)) for one in result.told[:50]],
        "chart": _chart(project, kind, settings, result),
    }
    return render(request, "rules/backtest.html", context)


def _chart(project: Project, kind: RuleKind, settings: RuleSettings, result: backtest.Result) -> Chart | None:
    """The value over the time tested, with the firings as bands; None where nothing was known."""
    if not result.known:
        return None
    unit = unit_of(kind, settings)
    factor = 100.0 if unit == "%" else 1.0
    values = [None if value is None else value * factor for _, value in result.course]
    points, _ = marks(project, result.since, result.until)
    bands = [
        Band(since=one.firing.at, until=one.firing.until, label=f"would have fired: {one.firing.subject}")
        for one in result.told[:50]
    ]
    return Chart("Value", unit, [at for at, _ in result.course], [Series("worst", values)], marks=points, bands=bands)


@require_GET
def objectives(request: HttpRequest, slug: str) -> HttpResponse:
    """The service level objectives and what is left of their budgets."""
    project, now = project_of(request, slug), timezone.now()
    found: list[dict[str, Any]] = []
    for one in standings(project, now):
        if not isinstance(one.settings, Burn):
            continue
        try:
            budget = slo.standing(project, one.settings, now)
        except StoreError as error:
            budget = {"trouble": str(error), "tone": "unknown"}
        found.append({"one": one, "budget": budget, "spark": [left for _, left in budget.get("course", [])]})
    tones = [each["budget"]["tone"] for each in found]
    context = {
        "project": project,
        "found": found,
        "spent": tones.count("critical"),
        "low": tones.count("warning"),
        "may_edit": may(request.user, Role.ADMIN),
    }
    return render(request, "rules/slo.html", context)

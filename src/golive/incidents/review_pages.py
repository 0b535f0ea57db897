"""The post-mortem's page with its exports, the impact meter, and the monthly report."""

from datetime import date, timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from golive.console.frame import project_of
from golive.incidents import actions, history, impact, proofs, reviews, view
from golive.incidents.charts import charts as charts_of
from golive.incidents.models import Incident, Review
from golive.incidents.postmortem import content, markdown, pdf, picture
from golive.incidents.report import month
from golive.people.models import Role, User
from golive.people.permissions import may, needs
from golive.people.tokens import actor
from golive.telemetry.store import StoreError


def review(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The post-mortem: facts beside the words that people write."""
    found = reviews.of(_incident(request, slug, number))
    incident, now = found.incident, timezone.now()
    if not found.impact and not incident.is_open:
        reviews.freeze(found, now)
    context = {
        "project": incident.project,
        "incident": incident,
        "review": found,
        "headline": _headline(found),
        "prompts": [(name, title, hint, getattr(found, name)) for name, (title, hint) in content.PROMPTS.items()],
        "impact": impact.Impact.of_plain(found.impact) if found.impact else None,
        "impact_words": content.impact_words(impact.Impact.of_plain(found.impact)) if found.impact else "",
        "pictures": content.pictures(incident, found),
        "measures": view.measures(incident, now, public=incident.is_critical),
        "suspects": view.suspects(incident),
        "actions": [(item, proofs.judge(found, item.proof)) for item in found.actions.all()],
        "lacking": reviews.lacking(found),
        "late": view.review_late(incident, now),
        "may_write": may(request.user, Role.RESPONDER),
        "people": User.objects.filter(is_active=True).values_list("email", flat=True),
        "blocks": actions.review_blocks(request, incident),
    }
    return render(request, "incidents/review.html", context)


@require_POST
@needs(Role.RESPONDER)
def change(request: HttpRequest, slug: str, number: int, noun: str) -> HttpResponse:
    """Write, add or finish an action, take the numbers again, complete."""
    found = reviews.of(_incident(request, slug, number))
    by, now, given = actor(request), timezone.now(), request.POST
    try:
        match noun:
            case "text":
                reviews.write(found, {name: value for name, value in given.items() if isinstance(value, str)}, by, now)
                messages.success(request, "Saved.")
            case "actions":
                due = _day(given.get("due", ""))
                reviews.add_action(
                    found, given.get("text", ""), given.get("owner", ""), due, given.get("proof", ""), by
                )
            case "done":
                item = get_object_or_404(found.actions, pk=given.get("action", "0"))
                reviews.finish(item, given.get("proof", ""), by, now)
            case "numbers":
                if not reviews.freeze(found, now):
                    messages.error(request, "The telemetry store is away; the numbers stay as they are.")
            case _:
                reviews.complete(found, by, now)
                messages.success(request, "Reviewed.")
    except (reviews.ReviewError, ValueError) as error:
        messages.error(request, str(error))
    return redirect("incident-review", slug, number)


@require_safe
def export(request: HttpRequest, slug: str, number: int, kind: str) -> HttpResponse:
    """The post-mortem as Markdown or PDF."""
    found = _incident(request, slug, number)
    document = content.compose(found, timezone.now())
    name = f"{slug}-incident-{number}.{kind}"
    if kind == "pdf":
        answer = HttpResponse(pdf.render(document), content_type="application/pdf")
    else:
        url = request.build_absolute_uri(reverse("incident-picture", args=[slug, number, "NAME"]))
        text = markdown.render(document, url.replace("NAME", "{name}"))
        answer = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_safe
def chart(request: HttpRequest, slug: str, number: int, name: str) -> HttpResponse:
    """A chart of the post-mortem as SVG."""
    incident = _incident(request, slug, number)
    kept = Review.objects.filter(incident=incident).first()
    for one in content.pictures(incident, kept) if kept else []:
        if one.name == name:
            return HttpResponse(picture.svg(one.curve), content_type="image/svg+xml")
    raise Http404("There is no such chart.")


def meter(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The live meter of impact and the errors new since; loaded on its own, for the store may be away."""
    incident, now = _incident(request, slug, number), timezone.now()
    context = {"project": incident.project, "incident": incident, "new_errors": impact.new_errors(incident, now)}
    try:
        context["impact"] = impact.measure(incident, now)
    except StoreError as error:
        context["error"] = str(error)
    return render(request, "incidents/impact.html", context)


def charts(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Requests, failures and response times around the incident, with what changed and the incident marked."""
    incident, now = _incident(request, slug, number), timezone.now()
    try:
        context: dict[str, object] = {"charts": charts_of(incident, impact.curve(incident, now))}
    except StoreError as error:
        context = {"error": str(error)}
    return render(request, "incidents/charts.html", context)


def report(request: HttpRequest, slug: str) -> HttpResponse:
    """The month in figures."""
    project, now = project_of(request, slug), timezone.now()
    try:
        since, until = month(request.GET.get("month", ""), now)
    except ValueError as error:
        raise Http404(str(error)) from None
    found = history.of_month(project, since, until, now)
    context = {
        "project": project,
        "report": found,
        "since": since,
        "before": (since - timedelta(days=1)).strftime("%Y-%m"),
        "after": until.strftime("%Y-%m") if until <= now else "",
        "hours": range(24),
        "busiest": max((count for one in found.load for count in one.by_hour), default=0),
    }
    return render(request, "incidents/report.html", context)


def _headline(found: Review) -> str:
    incident = found.incident
    if incident.reviewed_at:
        return f"Review of #{incident.number}: done."
    missing = reviews.lacking(found)
    return (
        f"Review of #{incident.number}: {'still lacks ' + missing if missing else 'complete, not marked as done yet'}."
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("Say by when: an action without a date is a wish.") from None


def _incident(request: HttpRequest, slug: str, number: int) -> Incident:
    project = project_of(request, slug)
    return get_object_or_404(Incident.objects.select_related("project"), project=project, number=number)


_BASE = "p/<slug:slug>/incidents/<int:number>"
urlpatterns = [
    path("p/<slug:slug>/incidents/report/", report, name="incident-report"),
    path(f"{_BASE}/impact/", meter, name="incident-impact"),
    path(f"{_BASE}/charts/", charts, name="incident-charts"),
    path(f"{_BASE}/review/", review, name="incident-review"),
    path(f"{_BASE}/review/chart-<slug:name>.svg", chart, name="incident-picture"),
    *(path(f"{_BASE}/review/export.{kind}", export, {"kind": kind}, name=f"incident-{kind}") for kind in ("md", "pdf")),
    *(
        path(f"{_BASE}/review/{noun}/", change, {"noun": noun}, name=f"incident-review-{noun}")
        for noun in ("text", "actions", "done", "numbers", "completion")
    ),
]

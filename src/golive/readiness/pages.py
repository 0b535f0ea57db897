"""Pages of readiness: may we take paying customers, and what proves it?"""

from typing import Any

import orjson
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.jobs.models import Job
from golive.jobs.models import State as JobState
from golive.people import audit
from golive.people.models import Project, Role, User
from golive.people.permissions import needs
from golive.readiness import bundle, records
from golive.readiness.items import ITEMS
from golive.readiness.models import Proof
from golive.readiness.standing import headline, lines
from golive.readiness.subjects import SubjectError, maker
from golive.readiness.tasks import KIND
from golive.readiness.tasks import request as request_run


def _running(project: Project) -> Job | None:
    waiting = Job.objects.filter(kind=KIND, subject=project.slug, state__in=(JobState.QUEUED, JobState.RUNNING))
    return waiting.order_by("-id").first()


def _list(project: Project) -> dict[str, Any]:
    context: dict[str, Any] = {"project": project, "job": _running(project), "found": [], "trouble": ""}
    try:
        context["found"] = found = lines(project, timezone.now())
        context["headline"] = headline(found, project.name)
        context["proved"] = any(one.proof for one in found)
    except SubjectError as error:
        context["trouble"], context["headline"] = str(error), f"{project.name} cannot be examined"
    return context


@require_GET
def readiness(request: HttpRequest, slug: str) -> HttpResponse:
    """All items, what blocks first."""
    project = project_of(request, slug)
    template = "readiness/list.html" if request.headers.get("HX-Request") else "readiness/page.html"
    return render(request, template, _list(project))


@require_GET
def item(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """One item with its evidence."""
    project = project_of(request, slug)
    if key not in ITEMS:
        raise Http404
    now, chosen = timezone.now(), ITEMS[key]
    proofs = Proof.objects.filter(project=project, item=key).order_by("-id")
    proof = proofs.first()
    context: dict[str, Any] = {"project": project, "item": chosen, "job": _running(project), "trouble": ""}
    try:
        context["one"] = records.line(chosen, proof, maker(project, now)(chosen), now)
    except SubjectError as error:
        context["trouble"], context["one"] = str(error), records.Line(chosen, proof, str(error))
    if proof is not None:
        document = proof.document
        context |= {
            "proof": proof,
            "evidence": document,
            "findings": [one | {"waived": one["subject"] in document["waived"]} for one in document["findings"]],
            "facts": [(name, _words(value)) for name, value in document["facts"].items()],
            "history": proofs[:15],
        }
    return render(request, "readiness/item.html", context)


def _words(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return text if len(text) <= 2000 else f"{text[:2000]}\n… {len(text)} characters in all, in the evidence bundle"


@require_POST
@needs(Role.RESPONDER)
def prove(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for a run of all items, or of the one that the form names."""
    project = project_of(request, slug)
    key = request.POST.get("item", "")
    if key and key not in ITEMS:
        raise Http404
    person = request.user
    by = person.email if isinstance(person, User) else "golive"
    request_run(project, [key] if key else list(ITEMS), timezone.now(), by)
    audit.record(by, "readiness.check", key or "all", project=project)
    messages.info(request, "The examination is queued; this page follows it.")
    return redirect("readiness-item", slug, key) if key else redirect("readiness", slug)


@require_GET
@needs(Role.ADMIN)
def evidence(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest proof of each item as a signed bundle."""
    project = project_of(request, slug)
    documents = [proof.document for proof in records.newest(project).values()]
    answer = HttpResponse(bundle.make(project.slug, documents, timezone.now()), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="evidence-{project.slug}.json"'
    return answer


NAVIGATION = [Entry("Readiness", "readiness", "clipboard-check", "y", 80)]
urlpatterns = [
    path("p/<slug:slug>/readiness/", readiness, name="readiness"),
    path("p/<slug:slug>/readiness/run/", prove, name="readiness-run"),
    path("p/<slug:slug>/readiness/evidence.json", evidence, name="readiness-evidence"),
    path("p/<slug:slug>/readiness/<slug:key>/", item, name="readiness-item"),
]

"""Pages of load tests: the list, and one with every number of users that was tried."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path

from golive.console.frame import project_of
from golive.pipelines.load.answer import Verdict
from golive.pipelines.load.climb import Level, Target, broken
from golive.pipelines.models import LoadTest

PAGE = 30
TONES = {Verdict.HELD: "success", Verdict.BROKE: "info", Verdict.WORSE: "warning", Verdict.UNKNOWN: "unknown"}
WORDS = {Verdict.HELD: "held", Verdict.BROKE: "measured", Verdict.WORSE: "worse", Verdict.UNKNOWN: "unknown"}


def tests(request: HttpRequest, slug: str) -> HttpResponse:
    """All load tests, newest first."""
    project = project_of(request, slug)
    found = LoadTest.objects.filter(project=project).select_related("project")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    rows = [{"test": one, **_look(one)} for one in page.object_list]
    return render(
        request, "pipelines/load.html", {"project": project, "page": page, "rows": rows, "last": found.first()}
    )


def test(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One load test."""
    project = project_of(request, slug)
    found = get_object_or_404(LoadTest, project=project, pk=number)
    target = Target(found.p95_ms, found.errors)
    levels = [Level(**one) for one in found.levels]
    most = max((one.p95_ms or 0.0 for one in levels), default=0.0) or 1.0
    rows = [{"level": one, "why": broken(one, target), "share": (one.p95_ms or 0.0) / most} for one in levels]
    return render(
        request,
        "pipelines/load_test.html",
        {"project": project, "test": found, "rows": rows, "most": most, **_look(found)},
    )


def _look(found: LoadTest) -> dict[str, Any]:
    verdict = Verdict(found.verdict)
    return {"tone": TONES[verdict], "word": WORDS[verdict]}


urlpatterns = [
    path("p/<slug:slug>/load/", tests, name="load-tests"),
    path("p/<slug:slug>/load/<int:number>/", test, name="load-test"),
]

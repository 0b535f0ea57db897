"""The gate before previews: Caddy asks here whether a visitor may pass, and whoever wakes a preview waits here."""

from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from golive.people.models import Project
from golive.releases import jobs, passes, sites
from golive.releases.models import Environment, EnvironmentKind
from golive.releases.passes import Move

SHORT = timedelta(minutes=2)  # from the console to the preview
COOKIE_LASTS = timedelta(days=7)
NOTE_EVERY = timedelta(seconds=30)


def preview_of(host: str) -> Environment | None:
    """The open preview that answers at a host."""
    name, _, domain = host.partition(".")
    for project in Project.objects.filter(environments__name=name, environments__closed_at=None).distinct():
        if sites.preview_domain(project, sites.deploy_section(project)) == domain:
            found = Environment.objects.filter(project=project, name=name, kind=EnvironmentKind.PREVIEW, closed_at=None)
            return found.select_related("project", "live").first()
    return None


@login_not_required
@never_cache
@require_GET
def gate(request: HttpRequest) -> HttpResponse:
    """204 lets Caddy go on; anything else is what the visitor sees."""
    host = request.headers.get("X-Forwarded-Host", "").rpartition(":")[0] or request.headers.get("X-Forwarded-Host", "")
    uri = request.headers.get("X-Forwarded-Uri", "/")
    found = preview_of(host)
    if found is None:
        return render(request, "releases/gate.html", {"title": "There is no preview here."}, status=404)
    now = timezone.now()
    protect = sites.deploy_section(found.project).previews.protect
    decision = passes.decide(
        protect, host, uri, request.COOKIES.get(passes.COOKIE, ""), request.headers.get(passes.HEADER, ""), now
    )
    match decision.move:
        case Move.GIVE_COOKIE:
            answer = HttpResponseRedirect(decision.uri if decision.uri.startswith("/") else "/")
            answer.set_cookie(
                passes.COOKIE, passes.sign(host, now + COOKIE_LASTS), max_age=COOKIE_LASTS, httponly=True,
                secure=request.headers.get("X-Forwarded-Proto") == "https", samesite="Lax",
            )  # fmt: skip
            return answer
        case Move.LOG_IN:
            return HttpResponseRedirect(f"{settings.PUBLIC_URL}/previews/pass/?{urlencode({'host': host, 'uri': uri})}")
        case Move.REFUSE:
            words = {"title": "This preview opens with a link.", "more": "Ask whoever sent you here for it."}
            return render(request, "releases/gate.html", words, status=403)
    if found.asked_at is None or now - found.asked_at > NOTE_EVERY:
        Environment.objects.filter(pk=found.pk).update(asked_at=now)
    if found.asleep:
        jobs.ask_wake(found)
        waking = render(
            request, "releases/gate.html", {"title": f"{found.name} is waking up.", "again": True}, status=503
        )
        waking["Retry-After"] = "2"
        return waking
    return HttpResponse(status=204)


@never_cache
@require_GET
def give_pass(request: HttpRequest) -> HttpResponse:
    """Somebody of this install gets a pass and goes back to the preview."""
    host, uri = request.GET.get("host", ""), request.GET.get("uri", "/")
    found = preview_of(host)
    if found is None:
        raise Http404("There is no such preview.")
    parts = urlsplit(uri if uri.startswith("/") and not uri.startswith("//") else "/")
    token = passes.sign(host, timezone.now() + SHORT)
    joined = "&".join(filter(None, [parts.query, urlencode({passes.PARAMETER: token})]))
    return HttpResponseRedirect(f"{sites.url(found)}{parts.path or '/'}?{joined}")


urlpatterns = [
    path("previews/gate/", gate, name="preview-gate"),
    path("previews/pass/", give_pass, name="preview-pass"),
]

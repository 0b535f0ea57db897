"""The public pages on which customers subscribe, confirm and leave. No login, no cookie."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from golive.people.models import Project
from golive.people.tokens import Failures
from golive.statuspage import files, subscribers
from golive.statuspage.models import Component, StatusPage
from golive.statuspage.subscribers import SubscriptionError

MAILED = "Look into your mailbox: a mail asks you to confirm it."
tries = Failures(limit=20)  # a minute and address


@login_not_required
@csrf_exempt  # nothing here rides on a session; a stranger's form only makes us ask by mail
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: HttpRequest, slug: str) -> HttpResponse:
    """The form, and what it sends."""
    project = get_object_or_404(Project, slug=slug)
    page = StatusPage.objects.filter(project=project).first()
    if page and page.password and (locked := _locked(request, slug)):
        return locked
    context = _context(project) | {"components": Component.objects.filter(project=project)}
    if request.method != "POST":
        return render(request, "statuspage/subscribe.html", context)
    now, given = timezone.now(), request.POST
    if tries.exceeded(request.META.get("REMOTE_ADDR", ""), now):
        return render(request, "statuspage/subscribe.html", context | {"error": "Too many tries; wait."}, status=429)
    codes = given.getlist("components")
    if len(codes) == len(context["components"]):
        codes = []  # everything, and what is added later
    try:
        subscribers.subscribe(project, given.get("email", ""), given.get("url", "").strip(), codes, now)
    except SubscriptionError as error:
        return render(request, "statuspage/subscribe.html", context | {"error": str(error)}, status=422)
    return render(request, "statuspage/subscribe.html", context | {"said": MAILED})


@login_not_required
@csrf_exempt  # the signed token in the address is the credential
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """GET asks, since mail scanners open links; POST confirms."""
    project = get_object_or_404(Project, slug=slug)
    context = _context(project)
    if request.method != "POST":
        context |= {"asks": "Confirm", "question": f"Do you want updates of {context['title']}?"}
        return render(request, "statuspage/subscribe.html", context)
    try:
        found = subscribers.confirm(token, timezone.now())
    except SubscriptionError as error:
        return render(request, "statuspage/subscribe.html", context | {"error": str(error)}, status=410)
    where = found.url or found.email
    return render(request, "statuspage/subscribe.html", context | {"said": f"Updates go to {where} from now on."})


@login_not_required
@csrf_exempt  # mail programs post to it by themselves, RFC 8058
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """GET asks, POST ends the subscription."""
    project = get_object_or_404(Project, slug=slug)
    context = _context(project)
    try:
        found = subscribers.leaving(token)
    except SubscriptionError as error:
        return render(request, "statuspage/subscribe.html", context | {"error": str(error)}, status=410)
    if request.method != "POST":
        context |= {"asks": "Stop updates", "question": f"Stop updates to {found.url or found.email}?"}
        return render(request, "statuspage/subscribe.html", context)
    found.delete()
    return render(request, "statuspage/subscribe.html", context | {"said": "You will not hear from us any more."})


def _context(project: Project) -> dict[str, Any]:
    return {"title": subscribers.title_of(project), "url": subscribers.public_url(project.slug)}


def _locked(request: HttpRequest, slug: str) -> HttpResponse | None:
    """A private page's form is private too."""
    headers = {key.lower(): value for key, value in request.headers.items()}
    found = files.reply(files.Shelf(files.root()), slug, "index.html", headers, timezone.now().timestamp())
    if found is None:
        raise Http404("There is no such status page.")
    return HttpResponse(found.body, status=401, headers=dict(found.headers)) if found.status == 401 else None


urlpatterns = [
    path("status/<slug:slug>/subscribe/", subscribe, name="status-subscribe"),
    path("status/<slug:slug>/subscribe/confirm/<str:token>/", confirm, name="status-confirm"),
    path("status/<slug:slug>/subscribe/leave/<str:token>/", leave, name="status-leave"),
]

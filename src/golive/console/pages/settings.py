"""A project's settings: how to send here, keys, API tokens, details, removal."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from golive.console import once, snippets
from golive.console.frame import project_of
from golive.console.pages.projects import ProjectForm
from golive.kit.durations import parse_duration
from golive.people import audit, endpoints, keys, tokens
from golive.people.models import ApiToken, IngestKey, KeyKind, Role, User
from golive.people.permissions import may, needs
from golive.people.tokens import actor

LIFETIMES = [("", "until revoked"), ("7d", "7 days"), ("30d", "30 days"), ("365d", "a year")]
SCOPES = [
    ("read", "read everything"),
    ("changes:write", "record deploys and other changes"),
    ("incidents:write", "open, acknowledge and update incidents"),
    ("status:write", "publish on the status page"),
    ("*", "everything"),
]


class TokenForm(forms.Form):
    """What a token is for and what it may do."""

    name = forms.CharField(max_length=120)
    scopes = forms.MultipleChoiceField(choices=SCOPES, initial=["read"], widget=forms.CheckboxSelectMultiple)
    lifetime = forms.ChoiceField(choices=LIFETIMES, required=False, initial="365d")


def page(request: HttpRequest, slug: str) -> HttpResponse:
    """Settings of a project; a key just made is shown this once."""
    project = project_of(request, slug)
    key = once.take(request, f"key:{project.pk}")
    in_force = keys.in_force(project)
    public = keys.public_key(project)
    context = {
        "project": project,
        "key": key,
        "keys": in_force,
        "tokens": [
            (token, tokens.standing(token, timezone.now()))
            for token in ApiToken.objects.filter(revoked_at=None).select_related("created_by").order_by("-pk")
        ],
        "new_token": once.take(request, "token"),
        "token_form": TokenForm(),
        "details": ProjectForm(instance=project),
        "base": endpoints.ingest_base(),
        "dsn": endpoints.dsn(project, public) if public else "",
        "snippets": snippets.all_for(project, key or snippets.PLACE, public),
        "is_admin": may(request.user, Role.ADMIN),
        "is_owner": may(request.user, Role.OWNER),
    }
    return render(request, "console/settings.html", context)


@require_POST
@needs(Role.ADMIN)
def create_key(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    kind = KeyKind.DSN if request.POST.get("kind") == KeyKind.DSN else KeyKind.INGEST
    _, value = keys.create(project, kind)
    audit.record(actor(request), "key.create", project.slug, project=project, kind=kind)
    if kind == KeyKind.INGEST:
        once.keep(request, f"key:{project.pk}", value)
    else:
        messages.success(request, "The DSN has a new key; earlier ones work until they are revoked.")
    return redirect("settings", slug)


@require_POST
@needs(Role.ADMIN)
def revoke_key(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    project = project_of(request, slug)
    key = get_object_or_404(IngestKey, pk=pk, project=project)
    keys.revoke(key, timezone.now())
    audit.record(actor(request), "key.revoke", project.slug, project=project, hint=key.hint)
    messages.success(request, f"The key ending in {key.hint} is revoked: what is sent with it is refused.")
    return redirect("settings", slug)


@require_POST
@needs(Role.ADMIN)
def create_token(request: HttpRequest) -> HttpResponse:
    form = TokenForm(request.POST)
    by = request.user if isinstance(request.user, User) else None
    if form.is_valid():
        data = form.cleaned_data
        lifetime = parse_duration(data["lifetime"]) if data["lifetime"] else None
        made, value = tokens.create(data["name"], data["scopes"], by=by, lifetime=lifetime)
        audit.record(actor(request), "token.create", made.name, scopes=data["scopes"])
        once.keep(request, "token", value)
    else:
        messages.error(request, "A token needs a name and at least one scope.")
    return back(request)


@require_POST
@needs(Role.ADMIN)
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=pk)
    tokens.revoke(token, timezone.now())
    audit.record(actor(request), "token.revoke", token.name)
    messages.success(request, f"Token {token.name} is revoked.")
    return back(request)


@require_POST
@needs(Role.ADMIN)
def change_details(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    form = ProjectForm(request.POST, instance=project)
    if form.is_valid():
        form.save()
        audit.record(actor(request), "project.change", project.slug, project=project)
        messages.success(request, "Saved.")
    else:
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    return redirect("settings", slug)


@require_POST
@needs(Role.OWNER)
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    if request.POST.get("slug") != project.slug:
        messages.error(request, f"Type {project.slug} to remove it. Nothing was removed.")
        return redirect("settings", slug)
    audit.record(actor(request), "project.remove", project.slug)
    keys.delete_project(project)
    messages.success(request, f"{slug} is removed; its telemetry ages out of the store.")
    return redirect("projects")


def back(request: HttpRequest) -> HttpResponse:
    """To the settings page the form came from."""
    slug = request.POST.get("project", "")
    return redirect("settings", slug) if slug else redirect("projects")

"""Pages of flags: which are on, for whom, since when; one flag with its switch, its targeting and its history."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from golive.changes.models import Change, Kind
from golive.console import once
from golive.console.frame import project_of
from golive.console.navigation import Entry
from golive.console.window import instant
from golive.flags import keys, switch
from golive.flags.evaluation import why_off
from golive.flags.guard import Guard
from golive.flags.models import Flag, FlagKey, FlagState
from golive.flags.switch import PRODUCTION, FlagError
from golive.people.models import Role
from golive.people.permissions import may, needs
from golive.people.tokens import actor


@dataclass(frozen=True)
class Row:
    """A flag in one environment, as shown; `word` is its state for the badge, `name` what stands in it."""

    state: FlagState
    word: str
    name: str
    said: str


def row(state: FlagState, now: datetime) -> Row:
    off = why_off(state.evaluated(), now)
    word = "critical" if state.killed else "unknown" if off else "ok"
    return Row(state, word, off or "on", switch.said(state))


@require_GET
def flags(request: HttpRequest, slug: str) -> HttpResponse:
    """All flags of an environment, and the keys that evaluate them."""
    project, now = project_of(request, slug), timezone.now()
    environment = request.GET.get("environment") or PRODUCTION
    found = [row(switch.state_of(flag, environment), now) for flag in project.flags.select_related("project")]
    name, _, value = once.take(request, f"flag-key:{project.pk}").partition(" ")
    context = {
        "project": project,
        "environment": environment,
        "environments": switch.environments(project),
        "found": found,
        "on": sum(one.word == "ok" for one in found),
        "killed": [one for one in found if one.word == "critical"],
        "keys": keys.in_force(project),
        "new_key": value,
        "new_name": name,
        "setup": _setup(value) if value else "",
        "may_edit": may(request.user, Role.ADMIN),
    }
    return render(request, "flags/list.html", context)


@require_GET
def flag(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """One flag in one environment: switch, targeting, schedule, guard, history."""
    project, now = project_of(request, slug), timezone.now()
    found = get_object_or_404(Flag.objects.select_related("project"), project=project, key=key)
    environment = request.GET.get("environment") or PRODUCTION
    state = switch.state_of(found, environment)
    history = Change.objects.filter(
        project=project, kind=Kind.FLAG, environment=environment, subject__startswith=f"{key} "
    )
    context = {
        "project": project,
        "flag": found,
        "one": row(state, now),
        "state": state,
        "environment": environment,
        "environments": switch.environments(project),
        "variants": [(name, orjson.dumps(value).decode(), name == found.off) for name, value in found.variants.items()],
        "serve": switch.written(state),
        "targets": "\n".join(state.targets),
        "guard": _guarded(state),
        "history": history[:30],
        "may_switch": may(request.user, Role.RESPONDER),
        "may_edit": may(request.user, Role.ADMIN),
    }
    return render(request, "flags/detail.html", context)


@require_POST
@needs(Role.ADMIN)
def create(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a flag; it is off."""
    project, given = project_of(request, slug), request.POST
    try:
        variants = _variants(given.get("variants", ""))
        made = switch.create(
            project,
            given.get("key", "").strip(),
            actor(request),
            timezone.now(),
            variants=variants,
            description=given.get("description", "").strip(),
        )
    except FlagError as error:
        messages.error(request, f"Nothing was made: {error}.")
        return redirect("flags", slug)
    messages.success(request, f"Flag {made.key} is made. It is off until somebody switches it on.")
    return redirect("flag", slug, made.key)


def _variants(text: str) -> dict[str, Any] | None:
    """One variant a line, NAME = VALUE; the value is JSON, or else a text."""
    found: dict[str, Any] = {}
    for line in filter(str.strip, text.splitlines()):
        name, equals, told = (part.strip() for part in line.partition("="))
        if not equals:
            raise FlagError(f"write a variant as NAME = VALUE, not {line!r}")
        try:
            found[name] = orjson.loads(told)
        except orjson.JSONDecodeError:
            found[name] = told
    return found or None


@require_POST
@needs(Role.RESPONDER)
def move(request: HttpRequest, slug: str, key: str, noun: str) -> HttpResponse:
    """Switch a flag on or off, or kill it."""
    found = _flag(request, slug, key)
    state = switch.state_of(found, request.POST.get("environment") or PRODUCTION)
    moves: dict[str, Callable[[], FlagState]] = {
        "on": lambda: switch.on(state, actor(request), timezone.now()),
        "off": lambda: switch.off(state, actor(request), timezone.now()),
        "kill": lambda: switch.kill(state, actor(request), timezone.now(), request.POST.get("why", "").strip()),
    }
    try:
        after = row(moves[noun](), timezone.now())
        messages.success(request, f"{key} in {state.environment}: {after.name}.")
    except FlagError as error:
        messages.error(request, f"Not changed: {error}.")
    return _back(found, state)


@require_POST
@needs(Role.ADMIN)
def change(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Change who gets what."""
    found, given = _flag(request, slug, key), request.POST
    state = switch.state_of(found, given.get("environment") or PRODUCTION)
    try:
        switch.change(
            state,
            actor(request),
            timezone.now(),
            serve=given.get("serve", ""),
            targets=given.get("targets", "").splitlines(),
            on_at=_instant(given.get("on_at", ""), "the beginning"),
            off_at=_instant(given.get("off_at", ""), "the end"),
            guard=_guard(given),
        )
        messages.success(request, f"{key} in {state.environment} was changed.")
    except FlagError as error:
        messages.error(request, f"Not changed: {error}.")
    return _back(found, state)


def _guard(given: Any) -> dict[str, Any]:
    if not given.get("guarded"):
        return {}
    latency = given.get("guard_latency", "").strip()
    told: dict[str, Any] = {
        "errors": given.get("guard_errors", "").strip() or None,
        "latency": latency or None,
        "window": given.get("guard_window", "").strip() or "5m",
    }
    return told


def _guarded(state: FlagState) -> dict[str, Any]:
    """The guard as its form shows it."""
    guard = Guard.model_validate(state.guard)
    return {
        "on": bool(state.guard),
        "errors": "" if guard.errors is None else f"{guard.errors * 100:g}%",
        "latency": "" if guard.latency is None else f"{guard.latency:g}",
        "window": f"{guard.window.total_seconds() / 60:g}m",
    }


def _instant(text: str, name: str) -> datetime | None:
    if not text.strip():
        return None
    found = instant(text.strip())
    if found is None:
        raise FlagError(f"{name} {text!r} is no instant, like 2026-01-31T09:00 (UTC)")
    return found.astimezone(UTC)


@require_POST
@needs(Role.ADMIN)
def delete(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Remove a flag."""
    switch.delete(_flag(request, slug, key), actor(request))
    messages.success(request, f"Flag {key} is deleted: programs that ask for it get their own default.")
    return redirect("flags", slug)


@require_POST
@needs(Role.ADMIN)
def add_key(request: HttpRequest, slug: str) -> HttpResponse:
    """Make an evaluation key, shown once."""
    project, given = project_of(request, slug), request.POST
    try:
        made, value = keys.create(project, given.get("name", ""), given.get("environment", ""), actor(request))
    except keys.FlagKeyError as error:
        messages.error(request, f"Nothing was made: {error}.")
        return redirect("flags", slug)
    once.keep(request, f"flag-key:{project.pk}", f"{made.name} {value}")
    return redirect("flags", slug)


@require_POST
@needs(Role.ADMIN)
def revoke_key(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """End an evaluation key."""
    project = project_of(request, slug)
    found = get_object_or_404(FlagKey, pk=pk, project=project)
    if keys.revoke(found, actor(request), timezone.now()):
        messages.success(request, f"Key {found.name} is revoked: programs that use it get their own defaults.")
    return redirect("flags", slug)


def _flag(request: HttpRequest, slug: str, key: str) -> Flag:
    return get_object_or_404(Flag.objects.select_related("project"), project=project_of(request, slug), key=key)


def _back(found: Flag, state: FlagState) -> HttpResponse:
    query = "" if state.environment == PRODUCTION else f"?environment={state.environment}"
    return redirect(reverse("flag", args=[found.project.slug, found.key]) + query)


def _setup(key: str) -> str:
    return (
        "pip install openfeature-sdk openfeature-provider-ofrep\n\n"
        "from openfeature import api\n"
        "from openfeature.contrib.provider.ofrep import OFREPProvider\n\n"
        f'api.set_provider(OFREPProvider("{keys.address()}",\n'
        f'    headers_factory=lambda: {{"Authorization": "Bearer {key}"}}))\n'
        'api.get_client().get_boolean_value("new-checkout", False)'
    )


NAVIGATION: Sequence[Entry] = [Entry("Flags", "flags", "flag", "f", 65)]
_ONE = "p/<slug:slug>/flags/<str:key>/"
urlpatterns = [
    path("p/<slug:slug>/flags/", flags, name="flags"),
    path("p/<slug:slug>/flags-new/", create, name="flag-create"),
    path("p/<slug:slug>/flag-keys/new/", add_key, name="flag-key-create"),
    path("p/<slug:slug>/flag-keys/<int:pk>/revoke/", revoke_key, name="flag-key-revoke"),
    path(_ONE, flag, name="flag"),
    *(path(f"{_ONE}{noun}/", move, {"noun": noun}, name=f"flag-{noun}") for noun in ("on", "off", "kill")),
    path(f"{_ONE}change/", change, name="flag-change"),
    path(f"{_ONE}delete/", delete, name="flag-delete"),
]

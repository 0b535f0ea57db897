"""Errors over HTTP: groups, events, and what people decide about them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema
from ninja.errors import HttpError

from golive.console.window import read
from golive.errors import actions
from golive.errors.groups import QUERIES, Group, Wanted, groups, total
from golive.people.models import Project
from golive.people.tokens import actor, scope
from golive.telemetry import store

router = Router()


class GroupOut(Schema):
    """An error group; `events` and `people` count the window asked for."""

    fingerprint: str
    type: str
    message: str
    culprit: str
    service: str
    release: str
    level: str
    events: int
    people: int
    first: datetime
    last: datetime
    state: str
    regressed: bool


class EventOut(Schema):
    """An error event with the payload its client sent."""

    event_id: str
    time: datetime
    release: str
    environment: str
    service: str
    type: str
    message: str
    culprit: str
    trace_id: str
    user_id: str
    tags: dict[str, str]
    payload: Any


class Action(StrEnum):
    """What can be done with a group."""

    RESOLVE = "resolve"
    RESOLVE_NEXT = "resolve-next"
    IGNORE = "ignore"
    REOPEN = "reopen"


class ActionIn(Schema):
    """What to do; "resolve-next" waits for the next release."""

    action: Action


class StateOut(Schema):
    """What is decided about a group now."""

    fingerprint: str
    state: str
    resolved_at: datetime | None
    resolved_by: str
    in_next_release: bool


@router.get("/projects/{slug}/errors", response=list[GroupOut], auth=scope("errors:read"), summary="List error groups")
def errors(
    request: HttpRequest,
    slug: str,
    state: str = "unresolved",
    q: str = "",
    service: str = "",
    environment: str = "",
    sort: str = "last",
    since: str = "24h",
    until: str = "",
    limit: int = 100,
) -> list[Group]:
    """Groups in a state (or "all") by last, first, events or people."""
    project = get_object_or_404(Project, slug=slug)
    window = read({"since": since, "until": until}, timezone.now(), "24h")
    found, _ = groups(project, window, Wanted(state, q, service, environment, sort))
    return found[: max(1, min(limit, 1000))]


@router.get(
    "/projects/{slug}/errors/{fingerprint}/latest",
    response=EventOut,
    auth=scope("errors:read"),
    summary="Read a group's latest event",
)
def latest(request: HttpRequest, slug: str, fingerprint: str) -> dict[str, Any]:
    """The newest event with its stack trace, as its client sent it."""
    project = get_object_or_404(Project, slug=slug)
    event = store.row(QUERIES["event"], project=project.slug, fingerprint=fingerprint, event_id="")
    if not event:
        raise HttpError(404, f"No event of error {fingerprint} is kept.")
    try:
        payload = orjson.loads(event["payload"])
    except orjson.JSONDecodeError:
        payload = event["payload"]
    return event | {"payload": payload}


@router.post(
    "/projects/{slug}/errors/{fingerprint}/state",
    response=StateOut,
    auth=scope("errors:write"),
    summary="Resolve, ignore or reopen a group",
)
def change(request: HttpRequest, slug: str, fingerprint: str, body: ActionIn) -> Any:
    """Change what is decided about a group; audited."""
    project = get_object_or_404(Project, slug=slug)
    whole = total(project, fingerprint)
    if whole is None:
        raise HttpError(404, f"No event of error {fingerprint} is kept.")
    group, by = actions.group_of(project, fingerprint, whole), actor(request)
    if body.action in (Action.RESOLVE, Action.RESOLVE_NEXT):
        later = body.action == Action.RESOLVE_NEXT
        actions.resolve(group, timezone.now(), by, releases=whole.releases, in_next_release=later)
    elif body.action == Action.IGNORE:
        actions.ignore(group, timezone.now(), by)
    else:
        actions.reopen(group, by)
    return group

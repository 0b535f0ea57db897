"""Flags over HTTP: make, change, switch, kill. Programs evaluate them by OFREP, not here."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema
from ninja.errors import HttpError
from pydantic import AwareDatetime

from golive.flags import keys, switch
from golive.flags.evaluation import why_off
from golive.flags.models import Flag, FlagKey, FlagState
from golive.flags.switch import PRODUCTION, Changed, FlagError
from golive.people.models import Project
from golive.people.tokens import actor, scope

router = Router()


class FlagOut(Schema):
    """A flag as it stands in one environment; `why_off` is empty when it is on."""

    key: str
    description: str
    environment: str
    on: bool
    why_off: str
    killed_why: str
    variants: dict[str, Any]
    off: str
    serve: str
    targets: list[str]
    on_at: datetime | None
    off_at: datetime | None
    guard: dict[str, Any]
    guard_reason: str
    version: int
    changed_at: datetime
    changed_by: str


class FlagIn(Schema):
    """A flag to make. Without variants it is a boolean: on and off."""

    key: str
    description: str = ""
    variants: dict[str, Any] = {}
    off: str = ""


class ServingIn(Schema):
    """Who gets what; what is left out stays. `serve` like "on:10", `targets` like "plan is pro -> on"."""

    serve: str | None = None
    targets: list[str] | None = None
    on_at: AwareDatetime | None = None
    off_at: AwareDatetime | None = None
    guard: dict[str, Any] | None = None


class KillIn(Schema):
    """Why, for those who read it later."""

    why: str = ""


class FlagKeyIn(Schema):
    """A key for one program to evaluate the flags of one environment by."""

    name: str
    environment: str = PRODUCTION


class FlagKeyOut(Schema):
    """A key in force; `hint` is its end."""

    name: str
    environment: str
    hint: str
    created_at: datetime


class FlagKeyMade(FlagKeyOut):
    """A new key; `key` is shown this once."""

    key: str


def _out(state: FlagState) -> FlagOut:
    flag, off = state.flag, why_off(state.evaluated(), timezone.now())
    return FlagOut(
        key=flag.key,
        description=flag.description,
        environment=state.environment,
        on=not off,
        why_off=off,
        killed_why=state.killed_why if state.killed else "",
        variants=flag.variants,
        off=flag.off,
        serve=switch.written(state),
        targets=state.targets,
        on_at=state.on_at,
        off_at=state.off_at,
        guard=state.guard,
        guard_reason=state.guard_reason,
        version=state.version,
        changed_at=state.changed_at,
        changed_by=state.changed_by,
    )


def _flag(slug: str, key: str) -> Flag:
    return get_object_or_404(Flag.objects.select_related("project"), project__slug=slug, key=key)


def _refused(error: FlagError) -> HttpError:
    return HttpError(409 if isinstance(error, Changed) else 422, str(error))


READ, WRITE = scope("flags:read"), scope("flags:write")


@router.get("/projects/{slug}/flags", response=list[FlagOut], auth=READ, summary="List flags")
def flags(request: HttpRequest, slug: str, environment: str = PRODUCTION) -> list[FlagOut]:
    """All flags as they stand in one environment."""
    project = get_object_or_404(Project, slug=slug)
    return [_out(switch.state_of(flag, environment)) for flag in project.flags.select_related("project")]


@router.post("/projects/{slug}/flags", response={201: FlagOut}, auth=WRITE, summary="Make a flag")
def create(request: HttpRequest, slug: str, body: FlagIn) -> tuple[int, FlagOut]:
    """A new flag is off everywhere."""
    project = get_object_or_404(Project, slug=slug)
    try:
        flag = switch.create(
            project,
            body.key,
            actor(request),
            timezone.now(),
            variants=body.variants or None,
            off=body.off,
            description=body.description,
        )
    except FlagError as error:
        raise _refused(error) from error
    return 201, _out(switch.state_of(flag))


@router.get("/projects/{slug}/flags/{key}", response=FlagOut, auth=READ, summary="One flag")
def one(request: HttpRequest, slug: str, key: str, environment: str = PRODUCTION) -> FlagOut:
    """How one flag stands in one environment."""
    return _out(switch.state_of(_flag(slug, key), environment))


@router.delete("/projects/{slug}/flags/{key}", response={204: None}, auth=WRITE, summary="Delete a flag")
def delete(request: HttpRequest, slug: str, key: str) -> tuple[int, None]:
    """Programs that ask for it get their own default."""
    switch.delete(_flag(slug, key), actor(request))
    return 204, None


@router.patch("/projects/{slug}/flags/{key}", response=FlagOut, auth=WRITE, summary="Change who gets what")
def change(request: HttpRequest, slug: str, key: str, body: ServingIn, environment: str = PRODUCTION) -> FlagOut:
    """Change targeting, shares, schedule or guard; this does not switch it on or off."""
    given = body.model_dump(exclude_unset=True)
    try:
        return _out(
            switch.change(
                switch.state_of(_flag(slug, key), environment),
                actor(request),
                timezone.now(),
                serve=given.get("serve"),
                targets=given.get("targets"),
                on_at=given.get("on_at", ""),
                off_at=given.get("off_at", ""),
                guard=given["guard"] or {} if "guard" in given else None,
            )
        )
    except FlagError as error:
        raise _refused(error) from error


@router.post("/projects/{slug}/flags/{key}/activation", response=FlagOut, auth=WRITE, summary="Switch a flag on")
def activate(request: HttpRequest, slug: str, key: str, environment: str = PRODUCTION) -> FlagOut:
    """On for those whom its targeting names; takes a kill back."""
    return _move(switch.on, request, slug, key, environment)


@router.delete("/projects/{slug}/flags/{key}/activation", response=FlagOut, auth=WRITE, summary="Switch a flag off")
def deactivate(request: HttpRequest, slug: str, key: str, environment: str = PRODUCTION) -> FlagOut:
    """Off for everybody."""
    return _move(switch.off, request, slug, key, environment)


@router.post("/projects/{slug}/flags/{key}/kill", response=FlagOut, auth=WRITE, summary="Kill a flag")
def kill(request: HttpRequest, slug: str, key: str, body: KillIn, environment: str = PRODUCTION) -> FlagOut:
    """Off for everybody at once, whatever its schedule says, until it is switched on again."""
    return _move(switch.kill, request, slug, key, environment, why=body.why)


def _move(move: Any, request: HttpRequest, slug: str, key: str, environment: str, **more: str) -> FlagOut:
    state = switch.state_of(_flag(slug, key), environment)
    try:
        return _out(move(state, actor(request), timezone.now(), **more))
    except FlagError as error:
        raise _refused(error) from error


@router.get("/projects/{slug}/flag-keys", response=list[FlagKeyOut], auth=READ, summary="List evaluation keys")
def list_keys(request: HttpRequest, slug: str) -> list[FlagKey]:
    """The keys in force, by which programs ask what flags say."""
    return keys.in_force(get_object_or_404(Project, slug=slug))


@router.post("/projects/{slug}/flag-keys", response={201: FlagKeyMade}, auth=WRITE, summary="Make an evaluation key")
def create_key(request: HttpRequest, slug: str, body: FlagKeyIn) -> tuple[int, FlagKeyMade]:
    """A key can read what flags say in its environment and nothing else."""
    project = get_object_or_404(Project, slug=slug)
    try:
        made, value = keys.create(project, body.name, body.environment, actor(request))
    except keys.FlagKeyError as error:
        raise HttpError(422, str(error)) from error
    return 201, FlagKeyMade(
        name=made.name, environment=made.environment, hint=made.hint, created_at=made.created_at, key=value
    )


@router.delete(
    "/projects/{slug}/flag-keys/{name}", response={204: None}, auth=WRITE, summary="Revoke an evaluation key"
)
def revoke_key(request: HttpRequest, slug: str, name: str) -> tuple[int, None]:
    """Programs that use it get their own defaults at once."""
    found = get_object_or_404(FlagKey, project__slug=slug, name=name, revoked_at=None)
    keys.revoke(found, actor(request), timezone.now())
    return 204, None

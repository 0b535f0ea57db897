"""Silences over HTTP."""

from datetime import datetime
from typing import Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema
from ninja.errors import HttpError
from pydantic import AwareDatetime

from golive.alerts import mute
from golive.alerts.models import Silence, SilenceKind
from golive.people.models import Project
from golive.people.tokens import actor, scope

router = Router()


class SilenceOut(Schema):
    """A silence; `in_force_until` is null when it is not in force now."""

    id: int
    kind: SilenceKind
    matchers: str
    comment: str
    starts_at: datetime
    ends_at: datetime
    every: str
    created_by: str
    ended_at: datetime | None
    in_force_until: datetime | None


class SilenceIn(Schema):
    """What is to be quiet: matchers such as "service=web name=~disk*", why, and until when."""

    matchers: str
    comment: str
    ends_at: AwareDatetime
    starts_at: AwareDatetime | None = None
    kind: SilenceKind = SilenceKind.SILENCE
    every: Literal["", "daily", "weekly"] = ""


def _out(silence: Silence) -> SilenceOut:
    return SilenceOut(
        id=silence.pk,
        kind=SilenceKind(silence.kind),
        matchers=silence.matchers,
        comment=silence.comment,
        starts_at=silence.starts_at,
        ends_at=silence.ends_at,
        every=mute.said(silence.every),
        created_by=silence.created_by,
        ended_at=silence.ended_at,
        in_force_until=mute.span(silence).until(timezone.now()),
    )


@router.get("/projects/{slug}/silences", response=list[SilenceOut], auth=scope("alerts:read"), summary="List silences")
def silences(request: HttpRequest, slug: str) -> list[SilenceOut]:
    """The newest first, at most 200, with those that are over."""
    return [_out(one) for one in get_object_or_404(Project, slug=slug).silences.all()[:200]]


@router.post(
    "/projects/{slug}/silences", response={201: SilenceOut}, auth=scope("alerts:write"), summary="Keep something quiet"
)
def create(request: HttpRequest, slug: str, body: SilenceIn) -> tuple[int, SilenceOut]:
    """Nobody is told of what matches until it ends; what still fires then is told."""
    project = get_object_or_404(Project, slug=slug)
    try:
        made = mute.create(
            project,
            body.matchers,
            body.comment,
            body.starts_at or timezone.now(),
            body.ends_at,
            actor(request),
            kind=body.kind,
            every=body.every,
        )
    except mute.SilenceError as error:
        raise HttpError(422, str(error)) from error
    return 201, _out(made)


@router.delete(
    "/projects/{slug}/silences/{pk}", response=SilenceOut, auth=scope("alerts:write"), summary="End a silence"
)
def end(request: HttpRequest, slug: str, pk: int) -> SilenceOut:
    """What still fires is told."""
    found = get_object_or_404(Silence, project__slug=slug, pk=min(pk, 2**62))
    mute.end(found, actor(request), timezone.now())
    found.refresh_from_db()
    return _out(found)

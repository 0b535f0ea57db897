"""Writing the status page over HTTP; reading it needs no token: /status/<project>/api/v2/summary.json."""

from datetime import datetime

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema, Status
from ninja.errors import HttpError
from pydantic import AwareDatetime

from golive.incidents.models import Incident
from golive.people.models import Project
from golive.people.tokens import actor, scope
from golive.statuspage import maintenance, publish, standing, telling
from golive.statuspage.document import compose
from golive.statuspage.models import Component, Maintenance, Stage, Subscriber, Told

router = Router()


class ComponentOut(Schema):
    """A component, how it stands and why. `uptime` is a share of 1 over 90 days, null without data."""

    name: str
    status: str
    reason: str
    uptime: float | None


class UpdateIn(Schema):
    """What customers are told. `components` says by name how components stand, where that is worse than measured."""

    status: Told
    body: str
    title: str = ""
    components: dict[str, standing.Status] = {}


class UpdateOut(Schema):
    """An update as published."""

    status: str
    body: str
    at: datetime
    url: str


class MaintenanceIn(Schema):
    """Work that customers are told of before; `components` by name."""

    title: str
    body: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    components: list[str] = []


class MaintenanceOut(Schema):
    """A scheduled maintenance."""

    id: int
    title: str
    stage: str
    starts_at: datetime
    ends_at: datetime


class StageIn(Schema):
    """A stage, and what customers are told with it; the usual words when empty."""

    stage: Stage
    body: str = ""


class SubscriberOut(Schema):
    """Who is told; not before `confirmed_at`."""

    email: str
    url: str
    components: list[str]
    confirmed_at: datetime | None


WRITE = scope("statuspage:write")


@router.get(
    "/projects/{slug}/statuspage/maintenances",
    response=list[MaintenanceOut],
    auth=scope("statuspage:read"),
    summary="Scheduled maintenance",
)
def maintenances(request: HttpRequest, slug: str) -> list[Maintenance]:
    """The latest first, at most 100."""
    return list(Maintenance.objects.filter(project=get_object_or_404(Project, slug=slug))[:100])


@router.post(
    "/projects/{slug}/statuspage/maintenances",
    response={201: MaintenanceOut},
    auth=WRITE,
    summary="Announce maintenance",
)
def schedule(request: HttpRequest, slug: str, body: MaintenanceIn) -> Status[Maintenance]:
    """It begins and ends by itself at its times."""
    project, now = get_object_or_404(Project, slug=slug), timezone.now()
    known = {component.name: component.code for component in Component.objects.filter(project=project)}
    if strange := [name for name in body.components if name not in known]:
        raise HttpError(422, f"There is no component {strange[0]!r}; there are: {', '.join(known) or 'none'}.")
    if not 2000 <= body.starts_at.year < 2200 or not 2000 <= body.ends_at.year < 2200:
        raise HttpError(422, "A time is between the years 2000 and 2200.")
    codes, by = [known[name] for name in body.components], actor(request)
    try:
        made = maintenance.schedule(project, body.title, body.body, body.starts_at, body.ends_at, codes, by, now)
    except maintenance.MaintenanceError as error:
        raise HttpError(422, str(error)) from error
    return Status(201, made)


@router.post(
    "/projects/{slug}/statuspage/maintenances/{int:pk}/updates",
    response={201: MaintenanceOut},
    auth=WRITE,
    summary="Tell of a maintenance",
)
def tell_maintenance(request: HttpRequest, slug: str, pk: int, body: StageIn) -> Status[Maintenance]:
    """Move it on by hand."""
    work = get_object_or_404(Maintenance, project__slug=slug, pk=pk)
    try:
        maintenance.move(work, body.stage, body.body, actor(request), timezone.now())
    except maintenance.MaintenanceError as error:
        raise HttpError(409, str(error)) from error
    work.refresh_from_db()
    return Status(201, work)


@router.get(
    "/projects/{slug}/statuspage/subscribers",
    response=list[SubscriberOut],
    auth=WRITE,
    summary="Who is told",
)
def list_subscribers(request: HttpRequest, slug: str, limit: int = 100) -> list[Subscriber]:
    """The newest first, at most 1 000. They are people's addresses, so reading them takes the write scope."""
    found = Subscriber.objects.filter(project=get_object_or_404(Project, slug=slug))
    return list(found[: max(1, min(limit, 1000))])


@router.put("/projects/{slug}/incidents/{int:number}/hold", response={204: None}, auth=WRITE, summary="Hold")
def hold(request: HttpRequest, slug: str, number: int) -> Status[None]:
    """golive tells customers of this incident by itself no more."""
    telling.hold(get_object_or_404(Incident, project__slug=slug, number=number), actor(request), timezone.now())
    return Status(204, None)


@router.delete("/projects/{slug}/incidents/{int:number}/hold", response={204: None}, auth=WRITE, summary="Release")
def release(request: HttpRequest, slug: str, number: int) -> Status[None]:
    """golive tells customers of this incident by itself again."""
    telling.release(get_object_or_404(Incident, project__slug=slug, number=number), actor(request), timezone.now())
    return Status(204, None)


@router.get(
    "/projects/{slug}/statuspage/components",
    response=list[ComponentOut],
    auth=scope("statuspage:read"),
    summary="How the components stand",
)
def components(request: HttpRequest, slug: str) -> list[ComponentOut]:
    """Every component of the public page, with the reason for its status, which the page does not tell."""
    page = compose(get_object_or_404(Project, slug=slug), timezone.now())
    return [
        ComponentOut(
            name=part.component.name,
            status=part.standing.status,
            reason=part.standing.reason,
            uptime=part.uptime,
        )
        for part in page.parts
    ]


@router.post(
    "/projects/{slug}/incidents/{int:number}/updates",
    response={201: UpdateOut},
    auth=scope("statuspage:write"),
    summary="Tell customers",
)
def tell(request: HttpRequest, slug: str, number: int, body: UpdateIn) -> Status[UpdateOut]:
    """Publish an update about an incident on the status page at once."""
    incident = get_object_or_404(Incident.objects.select_related("project"), project__slug=slug, number=number)
    known = {component.name: component for component in Component.objects.filter(project=incident.project)}
    if strange := [name for name in body.components if name not in known]:
        raise HttpError(422, f"There is no component {strange[0]!r}; there are: {', '.join(known) or 'none'}.")
    affected = {known[name].code: status for name, status in body.components.items()}
    now = timezone.now()
    try:
        update = telling.tell(
            incident, body.status, body.body, actor(request), now, title=body.title, affected=affected
        )
    except telling.TellingError as error:
        raise HttpError(422, str(error)) from error
    publish.write(incident.project, now)
    return Status(201, UpdateOut(status=update.told, body=update.body, at=update.at, url=publish.public_url(slug)))

"""Writing the status page over HTTP; reading it needs no token: /status/<project>/api/v2/summary.json."""

from datetime import datetime

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema, Status
from ninja.errors import HttpError

from golive.incidents.models import Incident
from golive.people.models import Project
from golive.people.tokens import actor, scope
from golive.statuspage import publish, standing, telling
from golive.statuspage.document import compose
from golive.statuspage.models import Component, Told

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

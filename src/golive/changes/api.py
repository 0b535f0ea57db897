"""Changes over HTTP: report a deploy, list what changed."""

from datetime import datetime

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import ModelSchema, Router, Schema
from pydantic import field_validator

from golive.changes.models import Change, Kind
from golive.changes.record import record
from golive.people import audit
from golive.people.models import Project
from golive.people.tokens import actor, scope

router = Router()


class ChangeOut(ModelSchema):
    """One change; `until` is set for what lasted, such as an incident."""

    class Meta:
        model = Change
        fields = ["kind", "environment", "subject", "title", "release", "link", "actor", "at", "until"]


class ChangeIn(Schema):
    """A change to report. `subject` defaults to the release; the same subject again updates the first report."""

    kind: Kind = Kind.DEPLOY
    release: str = ""
    subject: str = ""
    title: str = ""
    environment: str = "production"
    link: str = ""
    at: datetime | None = None

    @field_validator("link")
    @classmethod
    def link_leads_to_a_page(cls, link: str) -> str:
        if link and not link.startswith(("https://", "http://", "/")):
            raise ValueError("a link begins with https://, http:// or /")
        return link


@router.get("/projects/{slug}/changes", response=list[ChangeOut], auth=scope("changes:read"), summary="List changes")
def changes(request: HttpRequest, slug: str, kind: Kind | None = None, limit: int = 100) -> list[Change]:
    """The newest changes first, at most 500."""
    found = Change.objects.filter(project__slug=slug)
    if kind:
        found = found.filter(kind=kind)
    return list(found[: max(1, min(limit, 500))])


@router.post(
    "/projects/{slug}/changes",
    response={201: ChangeOut},
    auth=scope("changes:write"),
    summary="Report a change, such as a deploy",
)
def report(request: HttpRequest, slug: str, body: ChangeIn) -> tuple[int, Change]:
    """Write a deploy or other change; charts mark it from now on."""
    project = get_object_or_404(Project, slug=slug)
    at = body.at or timezone.now()
    subject = body.subject or body.release or f"{body.kind.value} {at.isoformat(timespec='seconds')}"
    change = record(
        project,
        body.kind,
        subject,
        body.title or f"{body.kind.label} {body.release or subject}",
        timezone.make_aware(at) if timezone.is_naive(at) else at,
        environment=body.environment,
        release=body.release,
        link=body.link,
        actor=actor(request),
    )
    audit.record(actor(request), f"change.{body.kind.value}", subject, project=project, release=body.release)
    return 201, change

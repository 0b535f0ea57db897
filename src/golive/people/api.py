"""Projects, keys, tokens, people, secrets and the audit trail over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.text import slugify
from ninja import Path, Query, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field, HttpUrl

from golive.kit.durations import DurationError, parse_duration
from golive.people import audit, endpoints, keys, secrets, tokens, welcome
from golive.people.models import ApiToken, AuditEntry, IngestKey, KeyKind, Project, Purpose, Role, User
from golive.people.paging import LARGEST_ID, Asked, Page, page
from golive.people.tokens import actor, scope

router = Router()

Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]


class ProjectOut(Schema):
    id: int
    slug: str
    name: str
    url: str
    created_at: datetime


class ProjectIn(Schema):
    name: str = Field(min_length=1, max_length=120)
    url: HttpUrl | None = None


class ProjectChange(Schema):
    name: str | None = Field(None, min_length=1, max_length=120)
    url: HttpUrl | None = None


class ProjectMade(ProjectOut):
    """A project with its first keys; the ingest key is shown this once."""

    ingest_key: str
    dsn: str
    environment: dict[str, str]


class KeyOut(Schema):
    id: int
    kind: KeyKind
    hint: str
    created_at: datetime
    revoked_at: datetime | None
    dsn: str = ""


class KeyIn(Schema):
    kind: KeyKind = KeyKind.INGEST


class KeyMade(KeyOut):
    """`value` is shown this once."""

    value: str


class TokenOut(Schema):
    id: int
    name: str
    scopes: list[str]
    hint: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class TokenIn(Schema):
    name: str = Field(min_length=1, max_length=120)
    scopes: list[str] = Field(min_length=1, max_length=50)
    lifetime: str | None = Field(None, description='How long it works, such as "30d"; null until revoked.')


class TokenMade(TokenOut):
    """`token` is shown this once."""

    token: str


class PersonOut(Schema):
    id: int
    email: str
    name: str
    role: Role
    active: bool
    last_login: datetime | None


class PersonChange(Schema):
    role: Role | None = None
    active: bool | None = None


class InvitationIn(Schema):
    email: str = Field(max_length=254)
    role: Role = Role.RESPONDER


class InvitationMade(Schema):
    """`url` is shown this once: it works for 24 hours."""

    email: str
    role: Role
    url: str


class SecretOut(Schema):
    name: str
    version: int
    changed_at: datetime


class SecretIn(Schema):
    value: str = Field(min_length=1, max_length=100_000)


class EntryOut(Schema):
    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    project: str | None
    details: dict[str, Any]


@router.get("/projects", response=list[ProjectOut], auth=scope("projects:read"), summary="List projects")
def projects(request: HttpRequest) -> list[Project]:
    return list(Project.objects.all())


@router.post("/projects", response={201: ProjectMade}, auth=scope("projects:write"), summary="Add a project")
def add_project(request: HttpRequest, body: ProjectIn) -> Status[dict[str, Any]]:
    slug = slugify(body.name)[:63]
    if not slug:
        raise HttpError(422, "A name needs letters or digits.")
    if Project.objects.filter(slug=slug).exists():
        raise HttpError(409, f"There is a project {slug} already.")
    made, ingest_key, public_key = keys.add_project(slug, body.name, address(body.url))
    audit.record(actor(request), "project.add", slug, project=made)
    variables = endpoints.environment(made, ingest_key, public_key)
    made_out = {
        **ProjectOut.from_orm(made).dict(),
        "ingest_key": ingest_key,
        "dsn": variables["SENTRY_DSN"],
        "environment": variables,
    }
    return Status(201, made_out)


def address(url: HttpUrl | None) -> str:
    """A URL for its column. Refuses what is too long for it."""
    text = str(url or "")
    if len(text) > 200:
        raise HttpError(422, "The url is longer than 200 characters.")
    return text


@router.get("/projects/{slug}", response=ProjectOut, auth=scope("projects:read"), summary="Show a project")
def project(request: HttpRequest, slug: str) -> Project:
    return get_object_or_404(Project, slug=slug)


@router.patch("/projects/{slug}", response=ProjectOut, auth=scope("projects:write"), summary="Change a project")
def change_project(request: HttpRequest, slug: str, body: ProjectChange) -> Project:
    found = get_object_or_404(Project, slug=slug)
    if body.name is not None:
        found.name = body.name
    if "url" in body.model_fields_set:
        found.url = address(body.url)
    found.save()
    audit.record(actor(request), "project.change", slug, project=found)
    return found


@router.get("/projects/{slug}/keys", response=list[KeyOut], auth=scope("projects:read"), summary="List keys")
def list_keys(request: HttpRequest, slug: str) -> list[dict[str, Any]]:
    return [show_key(key) for key in get_object_or_404(Project, slug=slug).keys.order_by("-pk")]


def show_key(key: IngestKey) -> dict[str, Any]:
    dsn = endpoints.dsn(key.project, key.public_value) if key.public_value else ""
    return {**{name: getattr(key, name) for name in ("id", "kind", "hint", "created_at", "revoked_at")}, "dsn": dsn}


@router.post("/projects/{slug}/keys", response={201: KeyMade}, auth=scope("projects:write"), summary="Make a key")
def add_key(request: HttpRequest, slug: str, body: KeyIn) -> Status[dict[str, Any]]:
    found = get_object_or_404(Project, slug=slug)
    key, value = keys.create(found, body.kind)
    audit.record(actor(request), "key.create", slug, project=found, kind=body.kind)
    return Status(201, {**show_key(key), "value": value})


@router.delete("/projects/{slug}/keys/{pk}", response={204: None}, auth=scope("projects:write"), summary="Revoke a key")
def end_key(request: HttpRequest, slug: str, pk: Id) -> Status[None]:
    key = get_object_or_404(IngestKey, pk=pk, project__slug=slug)
    keys.revoke(key, timezone.now())
    audit.record(actor(request), "key.revoke", slug, project=key.project, hint=key.hint)
    return Status(204, None)


@router.get("/tokens", response=list[TokenOut], auth=scope("tokens:read"), summary="List API tokens")
def list_tokens(request: HttpRequest) -> list[ApiToken]:
    return list(ApiToken.objects.order_by("-pk")[:500])


@router.post("/tokens", response={201: TokenMade}, auth=scope("tokens:write"), summary="Make an API token")
def add_token(request: HttpRequest, body: TokenIn) -> Status[dict[str, Any]]:
    """A token cannot make one that may do more than itself."""
    if wrong := [text for text in body.scopes if not tokens.is_scope(text)]:
        raise HttpError(422, f"{', '.join(wrong)[:200]} is not a scope; write room:read or room:write, read, or *.")
    own: ApiToken = request.auth  # type: ignore[attr-defined]
    if more := [text for text in body.scopes if not tokens.includes(own.scopes, text)]:
        raise HttpError(403, f"This token may not give what it does not have: {', '.join(more)}.")
    try:
        lifetime = parse_duration(body.lifetime) if body.lifetime else None
        expires = timezone.now() + lifetime if lifetime else None
    except (DurationError, OverflowError):
        raise HttpError(422, "A lifetime is written like 30d.") from None
    made, value = tokens.create(body.name, body.scopes, by=own.created_by, expires_at=expires)
    audit.record(actor(request), "token.create", body.name, scopes=body.scopes)
    return Status(201, {**TokenOut.from_orm(made).dict(), "token": value})


@router.delete("/tokens/{pk}", response={204: None}, auth=scope("tokens:write"), summary="Revoke an API token")
def end_token(request: HttpRequest, pk: Id) -> Status[None]:
    found = get_object_or_404(ApiToken, pk=pk)
    tokens.revoke(found, timezone.now())
    audit.record(actor(request), "token.revoke", found.name)
    return Status(204, None)


def show_person(person: User) -> dict[str, Any]:
    return {
        "id": person.pk,
        "email": person.email,
        "name": person.first_name,
        "role": person.role,
        "active": person.is_active,
        "last_login": person.last_login,
    }


@router.get("/people", response=list[PersonOut], auth=scope("people:read"), summary="List people")
def people(request: HttpRequest) -> list[dict[str, Any]]:
    return [show_person(person) for person in User.objects.order_by("email")]


@router.patch("/people/{pk}", response=PersonOut, auth=scope("people:write"), summary="Change a role, disable, enable")
def change_person(request: HttpRequest, pk: Id, body: PersonChange) -> dict[str, Any]:
    with transaction.atomic():
        person = get_object_or_404(User, pk=pk)
        grantable(request, Role(person.role))
        demoted = body.role not in (None, Role.OWNER) or body.active is False
        if demoted and person.is_last_owner():
            raise HttpError(409, f"{person.email} is the only owner.")
        if body.role is not None:
            grantable(request, body.role)
            person.role = body.role
        if body.active is not None:
            person.is_active = body.active
        person.save(update_fields=["role", "is_active"])
        audit.record(actor(request), "person.change", person.email, role=person.role, active=person.is_active)
    return show_person(person)


def grantable(request: HttpRequest, role: Role) -> None:
    """As in the console, owners alone decide over people; and only a token that may do everything touches owners."""
    own: ApiToken = request.auth  # type: ignore[attr-defined]
    if own.created_by is not None and not own.created_by.may(Role.OWNER):
        raise HttpError(403, "This token was made by somebody who is not an owner; owners alone decide over people.")
    if role == Role.OWNER and "*" not in own.scopes:
        raise HttpError(403, "Only a token with the scope * makes or changes owners.")


@router.post("/invitations", response={201: InvitationMade}, auth=scope("people:write"), summary="Invite somebody")
def invite(request: HttpRequest, body: InvitationIn) -> Status[dict[str, Any]]:
    email = body.email.lower()
    try:
        validate_email(email)
    except ValidationError:
        raise HttpError(422, "This is not an email address.") from None
    grantable(request, body.role)
    if User.objects.filter(email=email).exists():
        raise HttpError(409, f"{email} is here already.")
    url = welcome.create(Purpose.INVITE, timezone.now(), email=email, role=body.role)
    audit.record(actor(request), "person.invite", email[:200], role=body.role)
    return Status(201, {"email": email, "role": body.role, "url": url})


@router.get("/secrets", response=list[SecretOut], auth=scope("secrets:read"), summary="List secrets by name")
def list_secrets(request: HttpRequest) -> list[secrets.Kept]:
    """Values are never given out."""
    return secrets.kept()


@router.put("/secrets/{name}", response=SecretOut, auth=scope("secrets:write"), summary="Keep a secret")
def put_secret(request: HttpRequest, name: str, body: SecretIn) -> dict[str, Any]:
    try:
        made = secrets.put(name, body.value)
    except secrets.SecretError as error:
        raise HttpError(422, str(error)) from None
    audit.record(actor(request), "secret.set", name, version=made.version)
    return {"name": name, "version": made.version, "changed_at": made.created_at}


@router.delete("/secrets/{name}", response={204: None}, auth=scope("secrets:write"), summary="Forget a secret")
def remove_secret(request: HttpRequest, name: str) -> Status[None]:
    if not secrets.remove(name):
        raise HttpError(404, "There is no secret of this name.")
    audit.record(actor(request), "secret.remove", name[:200])
    return Status(204, None)


@router.get("/audit", response=Page[EntryOut], auth=scope("audit:read"), summary="Read the audit trail")
def read_audit(request: HttpRequest, asked: Annotated[Asked, Query()]) -> dict[str, Any]:
    def show(entry: AuditEntry) -> dict[str, Any]:
        shown = {name: getattr(entry, name) for name in ("id", "at", "actor", "action", "subject", "details")}
        return {**shown, "project": entry.project.slug if entry.project else None}

    return page(AuditEntry.objects.select_related("project"), asked, show)

"""`[status]` of golive.toml: title, components, when to publish by itself."""

import base64
import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from django.db import transaction
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from golive.config.sections import Difference, Section, register
from golive.config.values import Duration
from golive.kit.durations import format_duration
from golive.people import audit
from golive.people.models import Project
from golive.people.secrets import is_reference
from golive.statuspage.models import Component, StatusPage

LOGO_BYTES = 64_000
LOGO_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def _domain(text: str) -> str:
    if text and not _DOMAIN.fullmatch(text):
        raise ValueError(f'{text!r} is not a domain; write it like "status.acme.example"')
    return text


def _colour(text: str) -> str:
    if text and not _COLOUR.fullmatch(text):
        raise ValueError(f'{text!r} is not a colour; write it like "#1d5fbf"')
    return text


def _reference(text: str) -> str:
    if text and not is_reference(text):
        raise ValueError("a password is only referred to: write env:NAME, file:PATH or secret:NAME")
    return text


def _address(text: str) -> str:
    if text and not is_reference(text) and not text.startswith(("http://", "https://")):
        raise ValueError("write an http(s) URL, or env:NAME, file:PATH, secret:NAME")
    return text


def _command(text: str) -> str:
    try:
        shlex.split(text)
    except ValueError as error:
        raise ValueError(f"the command cannot be read: {error}") from None
    return text


def _logo(text: str) -> str:
    """A picture's file as a data: URL, so that the page needs nothing else."""
    if not text or text.startswith("data:image/"):
        return text
    path = Path(text)
    kind = LOGO_TYPES.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"a logo is a {', '.join(LOGO_TYPES)} file")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ValueError(f"the logo cannot be read: {error.strerror}") from None
    if len(raw) > LOGO_BYTES:
        raise ValueError(f"the logo has {len(raw)} bytes; at most {LOGO_BYTES} fit into the page")
    return f"data:{kind};base64,{base64.b64encode(raw).decode()}"


class TemplatePlan(BaseModel):
    """Words for what is told often."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=80)
    """What responders choose it by."""
    title: str = Field("", max_length=200)
    """The title that customers see."""
    body: str = Field(min_length=1, max_length=5000)
    """What they are told."""


class ComponentPlan(BaseModel):
    """A part of the product as customers know it, and the names of the checks, rules and services that speak for it."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=120)
    """What customers call it."""
    description: str = Field("", max_length=300)
    """One line below the name."""
    group: str = Field("", max_length=120)
    """A heading that it stands under together with others."""
    checks: list[str] = []
    """The checks whose results it stands or falls with."""
    rules: list[str] = []
    """The alert rules that concern it, such as "error_rate"."""
    services: list[str] = []
    """The services whose incidents concern it."""

    def words(self) -> str:
        parts = [
            ("group", [self.group] if self.group else []),
            ("checks", self.checks),
            ("rules", self.rules),
            ("services", self.services),
        ]
        told = "; ".join(f"{kind} {', '.join(names)}" for kind, names in parts if names) or "nothing speaks for it"
        return f"{told} ({self.description})" if self.description else told


class StatusPlan(BaseModel):
    """The public status page."""

    model_config = ConfigDict(extra="forbid")
    title: str = Field("", max_length=120)
    """The page's heading; "NAME status" when empty."""
    components: list[ComponentPlan] = []
    """The parts of the product, in the order shown."""
    publish_after: Duration = timedelta(minutes=5)
    """A critical incident that concerns a component is told by itself after this long; "0s" tells at once."""

    approve: bool = False
    """Let what golive would tell wait for a person: a draft from the facts is sent to whoever is on call."""
    language: Literal["en", "de", "fr", "es"] = "en"
    """The language of the page and of what golive tells by itself."""
    domain: Annotated[str, AfterValidator(_domain)] = ""
    """The page's own domain, pointed at golive's web process by your proxy."""
    logo: Annotated[str, AfterValidator(_logo)] = ""
    """A picture's file (.svg, .png, .jpg, .webp, at most 64 kB), kept inside the page."""
    colour: Annotated[str, AfterValidator(_colour)] = ""
    """The colour of links, such as `#1d5fbf`."""
    password: Annotated[str, AfterValidator(_reference)] = ""
    """A reference to a password; with one the page is private, feeds and JSON included (any user name)."""
    push: Annotated[str, AfterValidator(_command)] = ""
    """A command run in the page's folder after each change, such as `rclone sync . remote:bucket`; no shell."""
    mail_customers: bool = False
    """Mail the customers whom an incident hit once it is told, unless a responder holds it."""
    lookup: Annotated[str, AfterValidator(_address)] = ""
    """A URL that turns ids from traces into addresses: POST {"ids": [...]}, answered by {"id": "address"}."""
    mail_plans: list[Annotated[str, Field(min_length=1, max_length=60)]] = []
    """Customers of these plans are mailed as well, whether or not traces name them: `lookup` is asked by POST
    {"plans": [...]}, answered by {"id": "address"}."""
    templates: list[TemplatePlan] = []
    """Words for what is told often."""

    @model_validator(mode="after")
    def _names_once(self) -> "StatusPlan":
        names = [component.name for component in self.components]
        if len(set(names)) != len(names):
            raise ValueError("two components have the same name")
        if self.mail_plans and not (self.mail_customers and self.lookup):
            raise ValueError('"mail_plans" goes with mail_customers = true and a lookup that knows who has which plan')
        return self


SETTINGS = [name for name in StatusPlan.model_fields if name != "components"]


def _current(project_id: int) -> StatusPlan:
    page = StatusPage.objects.filter(project=project_id).first() or StatusPage(project_id=project_id)
    fields = list(ComponentPlan.model_fields)
    kept = [
        ComponentPlan(**{name: getattr(component, name) for name in fields})
        for component in Component.objects.filter(project=project_id)
    ]
    return StatusPlan(components=kept, **{name: getattr(page, name) for name in SETTINGS})


def differences(project_id: int, wanted: StatusPlan) -> list[Difference]:
    current = _current(project_id)
    found = [
        Difference(f"status.{name}", _words(getattr(current, name)), _words(getattr(wanted, name)))
        for name in SETTINGS
        if getattr(current, name) != getattr(wanted, name)
    ]
    before = {component.name: component.words() for component in current.components}
    after = {component.name: component.words() for component in wanted.components}
    for name in [*after, *(name for name in before if name not in after)]:
        if before.get(name) != after.get(name):
            found.append(Difference(f"status.components.{name}", before.get(name), after.get(name)))
    if not found and list(before) != list(after):
        found.append(Difference("status.components", ", ".join(before), ", ".join(after)))
    return found


def apply(project_id: int, wanted: StatusPlan, actor: str) -> None:
    if not differences(project_id, wanted):
        return
    with transaction.atomic():
        kept = {name: getattr(wanted, name) for name in SETTINGS}
        kept["templates"] = [template.model_dump() for template in wanted.templates]
        StatusPage.objects.update_or_create(project_id=project_id, defaults=kept)
        Component.objects.filter(project=project_id).exclude(name__in=[c.name for c in wanted.components]).delete()
        for position, component in enumerate(wanted.components):
            Component.objects.update_or_create(
                project_id=project_id,
                name=component.name,
                defaults=component.model_dump(exclude={"name"}) | {"position": position},
            )
        audit.record(actor, "statuspage.configure", "status", project=Project.objects.get(pk=project_id))


def _words(value: Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(one if isinstance(one, str) else one.name for one in value) or None
    if isinstance(value, str) and value.startswith("data:"):
        return f"a picture of {len(value) * 3 // 4} bytes"
    return format_duration(value) if isinstance(value, timedelta) else value or None


register(Section("status", StatusPlan, differences, apply))

"""`[readiness]` of golive.toml: what is examined and how; each item adds a table of its own."""

from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, create_model

from golive.config.sections import Difference, Section, register
from golive.config.values import Resolved
from golive.people import audit
from golive.people.models import Project
from golive.readiness.items import ITEMS
from golive.readiness.models import Plan


class Common(BaseModel):
    """The checklists. What an item needs besides stands in its own table."""

    model_config = ConfigDict(extra="forbid")
    source: Resolved = ""
    """The folder of the source tree (absolute), for secrets, dependencies and waivers; `--source` replaces it."""
    preview: Resolved = ""
    """The address of a disposable copy, where probes that change state may go. Never the production address."""
    accounts: list[str] = []
    """A program that prints two tenants of the preview as JSON, run in `source`; see the guide."""
    public_routes: list[str] = []
    """Routes that need no credential, such as "GET /pricing" or "* /static/{path}"."""
    journeys: list[str] = []
    """Files or folders of journeys (pytest) below `source`, whose `proves` tell what they stand for."""
    journeys_environment: dict[str, str] = {}
    """What the journeys are given, by reference: GOLIVE_MAIL_URL = "env:MAIL_URL"."""
    gate: bool = False
    """Refuse every production deploy while an item blocks; with [readiness] the first one always is."""


ReadinessSection: type[Common] = create_model(
    "ReadinessSection",
    __base__=Common,
    **{item.key: (item.settings, item.settings()) for item in ITEMS.values() if item.settings.model_fields},
)  # type: ignore[call-overload]
ReadinessSection.__doc__ = Common.__doc__


def plan_of(project_id: int) -> Common:
    """What is in force; all defaults before the first apply."""
    kept = Plan.objects.filter(project_id=project_id).values_list("settings", flat=True).first()
    return ReadinessSection.model_validate(kept or {})


def differences(project_id: int, wanted: Common) -> list[Difference]:
    before, after = (one.model_dump(mode="json") for one in (plan_of(project_id), wanted))
    return [
        Difference(f"readiness.{name}", _words(before[name]), _words(after[name]))
        for name in after
        if before[name] != after[name]
    ]


def apply(project_id: int, wanted: Common, actor: str) -> None:
    if not differences(project_id, wanted):
        return
    Plan.objects.update_or_create(project_id=project_id, defaults={"settings": wanted.model_dump(mode="json")})
    audit.record(actor, "readiness.configure", "readiness", project=Project.objects.get(pk=project_id))


def _words(value: Any) -> str | None:
    if value in ("", [], {}, None):
        return None
    return value if isinstance(value, str) else orjson.dumps(value).decode()[:300]


register(Section("readiness", ReadinessSection, differences, apply))

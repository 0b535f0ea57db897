"""Rules' settings in the database: the cookbook's defaults, golive.toml over them, the console's override on top."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from golive.config.sections import Difference
from golive.kit.durations import format_duration
from golive.people import audit
from golive.people.models import Project
from golive.rules.models import Origin, Rule
from golive.rules.settings import COOKBOOK, MODELS, AlertsSection, RuleKind, RuleSettings, kept_form, settings_of


class OverrideError(ValueError):
    """The console's values do not fit; the message says which and why."""


def ensure(project: Project) -> list[Rule]:
    """The project's six rules, made with the cookbook's defaults where they are missing, then the declared ones."""
    have = {rule.name: rule for rule in project.rules.all()}
    for kind in COOKBOOK:
        if kind.value not in have:
            about = {"settings": kept_form(MODELS[kind]()), "kind": kind}
            have[kind.value] = Rule.objects.get_or_create(project=project, name=kind, defaults=about)[0]
    declared = sorted((rule for rule in have.values() if rule.origin != Origin.COOKBOOK), key=lambda rule: rule.name)
    return [*(have[kind.value] for kind in COOKBOOK), *declared]


def explained(error: ValidationError) -> str:
    """The first thing wrong with settings, in a clause."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"] if part not in MODELS)
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def line(settings: RuleSettings) -> str:
    """Settings in one line: "warning 1 %, critical 5 %, window 5m"."""
    if not settings.enabled:
        return "off"
    parts = []
    for name, value in settings:
        if name in ("enabled", "kind") or value in (None, "", [], False, timedelta(0)):
            continue
        if name == "runbook":
            parts.append(f"runbook of {len(value)} characters")
            continue
        parts.append(f"{name.replace('_', ' ')} {_said(value)}")
    return ", ".join(parts)


def _said(value: Any) -> str:
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, float):
        return f"{value * 100:g} %" if value <= 1 else f"{value:g}"
    return ", ".join(value) if isinstance(value, list) else str(value)


def differences(project_id: int, wanted: AlertsSection) -> list[Difference]:
    """Rules whose settings would change; a rule never configured has the cookbook's."""
    have = {rule.name: rule.settings for rule in Rule.objects.filter(project_id=project_id, name__in=COOKBOOK)}
    found = []
    for kind, settings in wanted.by_kind().items():
        before = line(settings_of(kind, have.get(kind.value, {})))
        if before != line(settings):
            found.append(Difference(f"alerts.{kind}", before, line(settings)))
    return found


def apply(project_id: int, wanted: AlertsSection, actor: str) -> None:
    """Put golive.toml's settings in force. Overrides made in the console stay until they are taken back there."""
    for kind, settings in wanted.by_kind().items():
        about = {"settings": kept_form(settings), "kind": kind}
        Rule.objects.update_or_create(project_id=project_id, name=kind, defaults=about)


def override(rule: Rule, values: Mapping[str, Any], actor: str, now: datetime) -> None:
    """Set thresholds over golive.toml; empty `values` takes the override back. Raises OverrideError."""
    try:
        settings_of(RuleKind(rule.kind), rule.settings, values)
    except ValidationError as error:
        raise OverrideError(explained(error)) from error
    before = rule.override
    rule.override = dict(values)
    rule.overridden_by = actor if values else ""
    rule.overridden_at = now if values else None
    rule.save(update_fields=["override", "overridden_by", "overridden_at"])
    audit.record(actor, "rule.override", rule.source, project=rule.project, before=before, after=rule.override)

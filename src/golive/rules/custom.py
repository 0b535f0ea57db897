"""Rules that people make, change and delete outside golive.toml; the file's own are changed in the file."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from pydantic import TypeAdapter, ValidationError

from golive.kit.durations import DurationError, parse_duration
from golive.people import audit
from golive.people.models import Project
from golive.rules.configure import explained
from golive.rules.models import Origin, Rule
from golive.rules.section import checked, kind_of, retire
from golive.rules.settings import DeclaredRule, RuleKind, RuleSettings, kept_form, settings_of

MOST_RULES = 200
_ANY: TypeAdapter[Any] = TypeAdapter(DeclaredRule)


class RuleError(ValueError):
    """The rule does not fit; the message says why. Nothing was changed."""


def read(settings: Mapping[str, Any]) -> tuple[RuleKind, RuleSettings]:
    """Settings as golive.toml has them under [rules.NAME]. Raises RuleError."""
    try:
        found: RuleSettings = _ANY.validate_python(dict(settings))
    except ValidationError as error:
        raise RuleError(explained(error)) from error
    return kind_of(found), found


def existing(rule: Rule, over: Mapping[str, Any]) -> tuple[RuleKind, RuleSettings]:
    """A rule's settings in force, with others over them. Raises RuleError."""
    try:
        return RuleKind(rule.kind), settings_of(RuleKind(rule.kind), rule.settings, {**rule.override, **over})
    except ValidationError as error:
        raise RuleError(explained(error)) from error


def length(text: str) -> timedelta:
    """How far back: "7d". Raises RuleError."""
    try:
        return parse_duration(text)
    except DurationError as error:
        raise RuleError(str(error)) from error


def create(project: Project, name: str, settings: Mapping[str, Any], by: str) -> Rule:
    """Make a rule."""
    try:
        checked(name)
    except ValueError as error:
        raise RuleError(str(error)) from error
    kind, found = read(settings)
    if project.rules.count() >= MOST_RULES:
        raise RuleError(f"{project.slug} has {MOST_RULES} rules; delete some")
    try:
        with transaction.atomic():
            rule = Rule.objects.create(
                project=project, name=name, kind=kind, settings=kept_form(found), origin=Origin.CONSOLE
            )
            audit.record(by, "rule.create", rule.source, project=project, settings=rule.settings)
    except IntegrityError:
        raise RuleError(f"there is a rule {name} already") from None
    return rule


def change(rule: Rule, settings: Mapping[str, Any], by: str) -> None:
    """Replace the settings of a rule that was made here."""
    _ours(rule, "override its thresholds, or change it there")
    kind, found = read(settings)
    before, rule.settings, rule.override = rule.settings, kept_form(found), {}
    if kind != rule.kind:
        raise RuleError(f"{rule.name} is a {rule.kind} rule; make another one for {kind}")
    rule.save(update_fields=["settings", "override"])
    audit.record(by, "rule.change", rule.source, project=rule.project, before=before, after=rule.settings)


def delete(rule: Rule, by: str) -> None:
    """Delete a rule that was made here; what it fires becomes unknown."""
    _ours(rule, "remove it there and run golive apply")
    audit.record(by, "rule.delete", rule.source, project=rule.project, settings=rule.settings)
    retire(rule)


def _ours(rule: Rule, instead: str) -> None:
    if rule.origin == Origin.COOKBOOK:
        raise RuleError(f"{rule.name} is one of the six; switch it off under [alerts] if you must")
    if rule.origin == Origin.FILE:
        raise RuleError(f"{rule.name} is declared in golive.toml; {instead}")


def written(rule: Rule, without: Collection[str] = ()) -> list[tuple[str, str]]:
    """A rule's settings in force as golive.toml would say them, the query first; what is empty is left out."""
    told = [("for" if name == "hold" else name, say(value, name)) for name, value in rule.in_force()]
    hidden = ("enabled", "runbook", *without)
    shown = [(name, text) for name, text in told if name not in hidden and text not in ("", "False")]
    return sorted(shown, key=lambda each: each[0] not in ("kind", "query"))


def say(value: Any, name: str = "") -> str:
    """A value as golive.toml would say it."""
    if value is None:
        return ""
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
            if seconds and seconds % size == 0:
                return f"{seconds / size:.0f}{unit}"
        return f"{seconds * 1000:.0f}ms" if seconds else "" if name in ("for", "hold") else "0s"
    if isinstance(value, float):
        return f"{value * 100:.6g}%" if 0 < value < 1 else f"{value:g}"
    return ", ".join(value) if isinstance(value, list) else str(value)

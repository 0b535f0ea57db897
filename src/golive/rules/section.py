"""`[alerts]`, `[rules.NAME]` and `[slo.NAME]` of golive.toml."""

import re

from django.db import transaction
from django.utils import timezone
from pydantic import RootModel, model_validator

from golive.config.sections import Difference, Section, register
from golive.rules.configure import apply, differences, line
from golive.rules.evaluate import switch_off
from golive.rules.models import Origin, Rule
from golive.rules.settings import (
    COOKBOOK,
    AlertsSection,
    Burn,
    DeclaredRule,
    RuleKind,
    RuleSettings,
    kept_form,
    settings_of,
    with_runbooks,
)

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,55}")
SLO = "slo-"


def checked(name: str) -> str:
    """A name that a rule may have. Raises ValueError."""
    if not NAME.fullmatch(name):
        raise ValueError(f"the name {name!r} must be small letters, digits, - and _, at most 56")
    if name in COOKBOOK:
        raise ValueError(f"{name} is one of the six rules; change it under [alerts]")
    if name.startswith(SLO):
        raise ValueError(f"names with {SLO} are those of [slo]")
    return name


class RulesSection(RootModel[dict[str, DeclaredRule]]):
    """Rules beyond the six, by name: small letters, digits, "-" and "_"."""

    root: dict[str, DeclaredRule] = {}

    _runbooks = model_validator(mode="before")(with_runbooks)

    @model_validator(mode="after")
    def _names(self) -> "RulesSection":
        for name in self.root:
            checked(name)
        return self

    def by_name(self) -> dict[str, RuleSettings]:
        return dict(self.root)


class Slo(Burn):
    """A service level objective; its error budget is watched."""


class SloSection(RootModel[dict[str, Slo]]):
    """Service level objectives by name; a rule slo-NAME watches the budget of each."""

    root: dict[str, Slo] = {}

    _runbooks = model_validator(mode="before")(with_runbooks)

    @model_validator(mode="after")
    def _names(self) -> "SloSection":
        for name in self.root:
            checked(name)
        return self

    def by_name(self) -> dict[str, RuleSettings]:
        return {
            SLO + name: Burn.model_validate(kept_form(slo) | {"title": slo.title or f"{name} error budget"})
            for name, slo in self.root.items()
        }


def declared(project_id: int, slo: bool) -> dict[str, Rule]:
    """The rules of golive.toml in force, by name."""
    found = Rule.objects.filter(project_id=project_id, origin=Origin.FILE).select_related("project")
    return {rule.name: rule for rule in found if rule.name.startswith(SLO) == slo}


def _differences(project_id: int, wanted: dict[str, RuleSettings], slo: bool) -> list[Difference]:
    have = {
        name: line(settings_of(RuleKind(rule.kind), rule.settings)) for name, rule in declared(project_id, slo).items()
    }
    want = {name: line(settings) for name, settings in wanted.items()}
    key = {name: f"slo.{name.removeprefix(SLO)}" if slo else f"rules.{name}" for name in {*have, *want}}
    return [Difference(key[n], have.get(n), want.get(n)) for n in sorted(key) if have.get(n) != want.get(n)]


def _apply(project_id: int, wanted: dict[str, RuleSettings], slo: bool) -> None:
    for name, rule in declared(project_id, slo).items():
        if name not in wanted:
            retire(rule)
    for name, settings in wanted.items():
        about = {"settings": kept_form(settings), "kind": kind_of(settings), "origin": Origin.FILE}
        Rule.objects.update_or_create(project_id=project_id, name=name, defaults=about)


def kind_of(settings: RuleSettings) -> RuleKind:
    return RuleKind(getattr(settings, "kind", ""))


def retire(rule: Rule) -> None:
    """Remove a rule; what it fires flips to unknown, so that its incident does not wait for ever."""
    with transaction.atomic():
        switch_off(rule, list(rule.states.all()), timezone.now())
        rule.delete()


def _rules_differences(project_id: int, wanted: RulesSection) -> list[Difference]:
    return _differences(project_id, wanted.by_name(), slo=False)


def _rules_apply(project_id: int, wanted: RulesSection, actor: str) -> None:
    _apply(project_id, wanted.by_name(), slo=False)


def _slo_differences(project_id: int, wanted: SloSection) -> list[Difference]:
    return _differences(project_id, wanted.by_name(), slo=True)


def _slo_apply(project_id: int, wanted: SloSection, actor: str) -> None:
    _apply(project_id, wanted.by_name(), slo=True)


register(Section("alerts", AlertsSection, differences, apply))
register(Section("rules", RulesSection, _rules_differences, _rules_apply))
register(Section("slo", SloSection, _slo_differences, _slo_apply))

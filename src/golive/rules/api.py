"""Rules over HTTP: how they stand, and thresholds over golive.toml."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema
from ninja.errors import HttpError

from golive.people.models import Project
from golive.people.tokens import actor, scope
from golive.rules import backtest, custom, past
from golive.rules.configure import OverrideError, ensure, override
from golive.rules.models import Rule
from golive.rules.settings import RuleKind, kept_form
from golive.rules.standing import Standing, standing, standings

router = Router()


class InstanceOut(Schema):
    """One thing that a rule watches. Values are shares of 1, milliseconds or counts, by the rule."""

    key: str
    subject: str
    state: str
    severity: str
    reason: str
    value: float | None
    threshold: float | None
    since: datetime
    evaluated_at: datetime
    evidence: dict[str, Any]


class RuleOut(Schema):
    """A rule, the worst state of what it watches, and the settings in force."""

    name: str
    kind: RuleKind
    origin: str
    state: str
    reason: str
    fired_at: datetime | None
    settings: dict[str, Any]
    override: dict[str, Any]
    overridden_by: str
    instances: list[InstanceOut]


class OverrideIn(Schema):
    """Settings to put over golive.toml, written as there: {"critical": "10%"}. Empty takes the override back."""

    settings: dict[str, Any] = {}


class RuleIn(Schema):
    """A rule to make: its name, and its settings as golive.toml has them under [rules.NAME]."""

    name: str
    settings: dict[str, Any]


class SettingsIn(Schema):
    """Settings as golive.toml has them under [rules.NAME]."""

    settings: dict[str, Any]


class BacktestIn(Schema):
    """A rule that need not exist, or with `name` one that does, with `settings` over its own; `over` like "7d"."""

    name: str = ""
    settings: dict[str, Any] = {}
    over: str = "7d"


class FiringOut(Schema):
    """One time at which it would have fired; `until` is null when it still did at the end."""

    subject: str
    severity: str
    began_at: datetime
    fired_at: datetime
    until: datetime | None
    reason: str
    paged: bool
    people: list[str]


class BacktestOut(Schema):
    """What a rule would have done. With `known` 0 there was no data, which proves nothing."""

    sentence: str
    since: datetime
    until: datetime
    step_seconds: float
    looks: int
    known: int
    firings: list[FiringOut]


def _out(one: Standing) -> RuleOut:
    return RuleOut(
        name=one.rule.name,
        kind=RuleKind(one.rule.kind),
        origin=one.rule.origin,
        state=one.state.value,
        reason=one.reason,
        fired_at=one.fired_at,
        settings=kept_form(one.settings),
        override=one.rule.override,
        overridden_by=one.rule.overridden_by,
        instances=[
            InstanceOut(
                key=each.row.key,
                subject=each.row.subject,
                state=each.state.value,
                severity=each.row.severity,
                reason=each.reason,
                value=each.row.value,
                threshold=each.row.threshold,
                since=each.row.since,
                evaluated_at=each.row.evaluated_at,
                evidence=each.row.evidence,
            )
            for each in one.instances
        ],
    )


@router.get("/projects/{slug}/rules", response=list[RuleOut], auth=scope("rules:read"), summary="List rules")
def rules(request: HttpRequest, slug: str) -> list[RuleOut]:
    """The six rules, then the declared ones, and how they stand."""
    return [_out(one) for one in standings(get_object_or_404(Project, slug=slug), timezone.now())]


@router.get("/projects/{slug}/rules/{name}", response=RuleOut, auth=scope("rules:read"), summary="One rule")
def rule(request: HttpRequest, slug: str, name: str) -> RuleOut:
    """How one rule stands."""
    return _out(standing(_rule(slug, name), timezone.now()))


@router.put(
    "/projects/{slug}/rules/{name}/override",
    response=RuleOut,
    auth=scope("rules:write"),
    summary="Set thresholds over golive.toml",
)
def set_override(request: HttpRequest, slug: str, name: str, body: OverrideIn) -> RuleOut:
    """Put settings over those of golive.toml until they are taken back."""
    found = _rule(slug, name)
    try:
        override(found, body.settings, actor(request), timezone.now())
    except OverrideError as error:
        raise HttpError(422, str(error)) from error
    return _out(standing(found, timezone.now()))


def _rule(slug: str, name: str) -> Rule:
    project = get_object_or_404(Project, slug=slug)
    found = next((rule for rule in ensure(project) if rule.name == name), None)
    if found is None:
        raise HttpError(404, f"There is no rule {name[:63]} in {slug}.")
    return found


@router.post("/projects/{slug}/rules", response={201: RuleOut}, auth=scope("rules:write"), summary="Make a rule")
def create(request: HttpRequest, slug: str, body: RuleIn) -> tuple[int, RuleOut]:
    """Make a rule, written as in golive.toml; back-test it first."""
    project = get_object_or_404(Project, slug=slug)
    try:
        made = custom.create(project, body.name, body.settings, actor(request))
    except custom.RuleError as error:
        raise HttpError(422, str(error)) from error
    return 201, _out(standing(made, timezone.now()))


@router.put("/projects/{slug}/rules/{name}", response=RuleOut, auth=scope("rules:write"), summary="Change a rule")
def change(request: HttpRequest, slug: str, name: str, body: SettingsIn) -> RuleOut:
    """Change a rule that was made on the console or here; those of golive.toml take overrides."""
    found = _rule(slug, name)
    try:
        custom.change(found, body.settings, actor(request))
    except custom.RuleError as error:
        raise HttpError(422, str(error)) from error
    return _out(standing(found, timezone.now()))


@router.delete(
    "/projects/{slug}/rules/{name}", response={204: None}, auth=scope("rules:write"), summary="Delete a rule"
)
def delete(request: HttpRequest, slug: str, name: str) -> tuple[int, None]:
    """Delete a rule that was made on the console or here."""
    try:
        custom.delete(_rule(slug, name), actor(request))
    except custom.RuleError as error:
        raise HttpError(422, str(error)) from error
    return 204, None


@router.post(
    "/projects/{slug}/rule-backtests",
    response=BacktestOut,
    auth=scope("rules:read"),
    summary="Run a rule over recorded history",
)
def backtest_rule(request: HttpRequest, slug: str, body: BacktestIn) -> BacktestOut:
    """When it would have fired, whom it would have paged, how long. Nothing is saved."""
    project = get_object_or_404(Project, slug=slug)
    now = timezone.now()
    try:
        if body.name:
            kind, settings = custom.existing(_rule(slug, body.name), body.settings)
        else:
            kind, settings = custom.read(body.settings)
        result = backtest.run(project, kind, settings, now - custom.length(body.over), now)
    except (custom.RuleError, past.NotRecorded) as error:
        raise HttpError(422, str(error)) from error
    return BacktestOut(
        sentence=result.sentence() + ".",
        since=result.since,
        until=result.until,
        step_seconds=result.step.total_seconds(),
        looks=result.looks,
        known=result.known,
        firings=[
            FiringOut(
                subject=one.firing.subject,
                severity=one.firing.severity.value,
                began_at=one.firing.began_at,
                fired_at=one.firing.at,
                until=one.firing.until,
                reason=one.firing.reason,
                paged=one.paged,
                people=list(one.people),
            )
            for one in result.told[:500]
        ],
    )

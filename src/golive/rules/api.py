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

    kind: RuleKind
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


def _out(one: Standing) -> RuleOut:
    return RuleOut(
        kind=RuleKind(one.rule.kind),
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
    """The six rules and how they stand."""
    return [_out(one) for one in standings(get_object_or_404(Project, slug=slug), timezone.now())]


@router.get("/projects/{slug}/rules/{kind}", response=RuleOut, auth=scope("rules:read"), summary="One rule")
def rule(request: HttpRequest, slug: str, kind: RuleKind) -> RuleOut:
    """How one rule stands."""
    return _out(standing(_rule(slug, kind), timezone.now()))


@router.put(
    "/projects/{slug}/rules/{kind}/override",
    response=RuleOut,
    auth=scope("rules:write"),
    summary="Set thresholds over golive.toml",
)
def set_override(request: HttpRequest, slug: str, kind: RuleKind, body: OverrideIn) -> RuleOut:
    """Put settings over those of golive.toml until they are taken back."""
    found = _rule(slug, kind)
    try:
        override(found, body.settings, actor(request), timezone.now())
    except OverrideError as error:
        raise HttpError(422, str(error)) from error
    return _out(standing(found, timezone.now()))


def _rule(slug: str, kind: RuleKind) -> Rule:
    project = get_object_or_404(Project, slug=slug)
    return next(rule for rule in ensure(project) if rule.kind == kind)

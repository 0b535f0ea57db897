"""What a remote probe and the server tell each other: one request for all of it, every few seconds.

The probe sends what it saw since the last exchange, numbered, so that what is sent twice is taken once; the server
answers with what to look at, and with the checks that every region should look at now.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Count, Max
from pydantic import BaseModel, ConfigDict, Field

from golive import __version__
from golive.checks.errands import MEANT, able, errand_of
from golive.checks.keeper import PROBED, errand_target, target_of
from golive.checks.kinds import KINDS
from golive.checks.kinds.journey import JourneySection
from golive.checks.models import Arrival, Check, CheckState, Probe, Recheck
from golive.checks.network import known_regions, phased
from golive.checks.probe import Result, Target
from golive.checks.verdict import Attempt, Outcome
from golive.journeys.keep import keep_told
from golive.journeys.models import Run
from golive.journeys.told import ToldRun
from golive.kit import synthetic
from golive.kit.connections import Phases
from golive.people.models import Project, Secret
from golive.telemetry import facts

MOST_RESULTS = 5_000
POLL_SECONDS = 2.0
FRESH = timedelta(minutes=5)
SKEW = timedelta(seconds=1)
OLDEST = timedelta(days=7)


class Look(BaseModel):
    """One result on its way: `at` is unix time by the probe's clock, phases are milliseconds."""

    model_config = ConfigDict(extra="forbid")
    check: int
    at: float = Field(ge=0, le=1e11)
    outcome: Outcome
    reason: str = Field(max_length=400)
    status: int = Field(default=0, ge=0, le=999)
    phases: dict[str, float] = {}
    trace_id: str = Field(default="", pattern="^[0-9a-f]{0,32}$")
    run: ToldRun | None = None


class Report(BaseModel):
    """What a probe sends. `first` is the number of its first result; `known` the hash of the definitions it has.

    `details` say how it does; `journeys` among them, that it can run journeys.
    """

    model_config = ConfigDict(extra="forbid")
    version: str = Field(max_length=80)
    sent_at: float = Field(ge=0, le=1e11)
    known: str = Field(default="", max_length=64)
    first: int = Field(ge=1, le=2**53)
    results: list[Look] = Field(default=[], max_length=MOST_RESULTS)
    details: dict[str, float | int | None] = {}


class Orders(BaseModel):
    """What the server answers. `checks` is None when the probe has them; `taken` the last result that is kept.

    `journeys` are for a probe that can run them, and `key` signs their baggage.
    """

    taken: int
    hash: str
    checks: list[dict[str, Any]] | None
    again: list[int]
    region: str
    marker: str
    journeys: list[dict[str, Any]] | None = None
    key: str = ""
    version: str = __version__
    poll_seconds: float = POLL_SECONDS


@dataclass(frozen=True)
class Definitions:
    """What one region looks at, as it is sent, and by number."""

    hash: str
    sent: list[dict[str, Any]]
    targets: Mapping[int, Target]
    journeys_sent: list[dict[str, Any]]
    journeys: Mapping[int, Target]

    def of(self, look: Look) -> Target | None:
        """The target of a result; a journey's is told with its run."""
        return (self.targets if look.run is None else self.journeys).get(look.check)


def exchange(probe: Probe, report: Report, now: datetime) -> Orders:
    """Take a report and answer it. Results are durable when this returns."""
    definitions = definitions_of(probe.region, journeys=able(report.details))
    drift = now - datetime.fromtimestamp(report.sent_at, UTC)
    shift = drift if abs(drift) > SKEW else timedelta()
    fresh = [look for number, look in enumerate(report.results, report.first) if number > probe.taken]
    known = [(look, target) for look in fresh if (target := definitions.of(look)) is not None]
    seen = [(look, _result(look, target, probe.region, shift)) for look, target in known]
    seen = [one for one in seen if now - OLDEST <= one[1].attempt.at <= now + timedelta(minutes=1)]
    if seen:
        facts.record("check_results", [result.row() for _, result in seen])
    taken = max(probe.taken, report.first + len(report.results) - 1)
    last = Recheck.objects.aggregate(last=Max("pk"))["last"] or 0
    wanted = Recheck.objects.filter(pk__gt=probe.asked).values_list("check_number", flat=True)
    mine = definitions.targets.keys() | definitions.journeys.keys()
    again = sorted(mine & set(wanted)) if last > probe.asked else []
    with transaction.atomic():
        Probe.objects.filter(pk=probe.pk).update(
            taken=taken, asked=max(last, probe.asked), seen_at=now, version=report.version, details=report.details
        )
        for look, result in seen:
            if look.run is not None:
                _keep(probe, look.run, result, now)
        judged = [result for look, result in seen if look.run is None and now - result.attempt.at < FRESH]
        if judged:
            Arrival.objects.create(region=probe.region, attempts=[_attempt(result) for result in judged])
    same = report.known == definitions.hash
    return Orders(
        taken=taken,
        hash=definitions.hash,
        checks=None if same else definitions.sent,
        again=again,
        region=probe.region,
        marker=synthetic.marker(),
        journeys=None if same else definitions.journeys_sent,
        key=synthetic.key() if definitions.journeys else "",
    )


def _keep(probe: Probe, told: ToldRun, result: Result, now: datetime) -> None:
    """Keep a run for the page and for the verdict, which the jobs' process finds within seconds."""
    attempt, target = result.attempt, result.target
    project = Project.objects.get(slug=target.project)
    run = Run(at=attempt.at, outcome=MEANT[attempt.outcome].value, reason=attempt.reason)
    run.region, run.probe, run.judged = probe.region, probe.name, False
    keep_told(project, target.name, told, run)
    if now - attempt.at < FRESH + target.timeout:
        CheckState.objects.filter(check_row_id=target.number).update(checked_at=now)


def _result(look: Look, target: Target, region: str, shift: timedelta) -> Result:
    at = datetime.fromtimestamp(look.at, UTC) + shift
    given = {name: value for name, value in look.phases.items() if name in Phases.__dataclass_fields__ and value}
    phases = Phases(**given)
    return Result(target, Attempt(at, look.outcome, look.reason, region), look.status, phases, look.trace_id)


def _attempt(result: Result) -> list[Any]:
    attempt = result.attempt
    return [result.target.number, attempt.at.timestamp(), attempt.outcome.value, attempt.reason]


def definitions_of(region: str, *, journeys: bool = False) -> Definitions:
    """What a region looks at, with its journeys for a probe that runs them; made again only when something changed."""
    version = (
        Check.objects.aggregate(n=Count("pk"), at=Max("updated_at"), top=Max("pk")),
        list(Project.objects.filter(checks__isnull=False).distinct().values_list("pk", "slug", "url")),
        Secret.objects.aggregate(n=Count("pk"), top=Max("pk")),
    )
    return _definitions(region, tuple(known_regions()), repr(version), journeys=journeys)


@lru_cache(maxsize=16)
def _definitions(region: str, known: tuple[str, ...], version: str, *, journeys: bool) -> Definitions:
    checks = Check.objects.filter(kind__in=PROBED).select_related("project", "state_row")
    found = {check.pk: phased(target_of(check), region, known) for check in checks}
    targets = {number: target for number, target in found.items() if not target.regions or region in target.regions}
    sent = [pack(target) for target in targets.values()]
    runs: dict[int, Target] = {}
    runs_sent = []
    for check in Check.objects.filter(kind="journey").select_related("project") if journeys else ():
        target = phased(errand_target(check), region, known)
        if region in target.regions and isinstance(target.wanted, JourneySection):
            runs[check.pk] = target
            runs_sent.append(errand_of(target, target.wanted))
    hashed = hashlib.sha256(orjson.dumps([sent, runs_sent] if runs_sent else sent)).hexdigest()
    return Definitions(hashed, sent, targets, runs_sent, runs)


def pack(target: Target) -> dict[str, Any]:
    """A target as JSON; with its secrets, since the probe has to send them."""
    return {
        "number": target.number,
        "project": target.project,
        "name": target.name,
        "url": target.url,
        "every": target.every.total_seconds(),
        "timeout": target.timeout.total_seconds(),
        "latency": target.latency.total_seconds() if target.latency else None,
        "environment": target.environment,
        "kind": target.wanted.kind,
        "wanted": target.wanted.model_dump(mode="json", by_alias=True),
        "secrets": dict(target.secrets),
        "trouble": target.trouble,
        "shift": target.shift,
    }


def unpack(given: Mapping[str, Any]) -> Target:
    """The target that was packed."""
    return Target(
        number=given["number"],
        project=given["project"],
        name=given["name"],
        url=given["url"],
        every=timedelta(seconds=given["every"]),
        timeout=timedelta(seconds=given["timeout"]),
        latency=timedelta(seconds=given["latency"]) if given["latency"] else None,
        environment=given["environment"],
        wanted=KINDS[given["kind"]].section.model_validate(given["wanted"]),
        secrets=given["secrets"],
        trouble=given["trouble"],
        shift=given.get("shift", 0.0),  # an older server does not say
    )

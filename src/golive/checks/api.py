"""Checks over HTTP: how they stand, their results, and a probe on request."""

from datetime import datetime, timedelta

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema
from ninja.errors import HttpError

from golive.checks import history
from golive.checks.exchange import Orders, Report, exchange
from golive.checks.models import Check, Probe
from golive.checks.run import run
from golive.checks.standing import Standing, standing, standings
from golive.journeys.keep import TooLarge, keep_file
from golive.journeys.models import Run
from golive.people.models import Project
from golive.people.tokens import scope
from golive.telemetry.store import StoreError

router = Router()


class CheckOut(Schema):
    """A check and how it stands. Uptimes are shares of 1 over probes whose result is known; null without any."""

    name: str
    url: str
    every_seconds: float
    state: str
    reason: str
    since: datetime | None
    checked_at: datetime | None
    uptime_24h: float | None
    uptime_7d: float | None
    uptime_90d: float | None
    latency_ms: float | None


class ResultOut(Schema):
    """One probe. `kind` "fault" means that golive itself could not probe."""

    time: datetime
    region: str
    kind: str
    ok: bool
    reason: str
    http_status: int
    latency_ms: float
    trace_id: str


def _out(one: Standing) -> CheckOut:
    return CheckOut(
        name=one.check.name,
        url=one.address,
        every_seconds=one.check.every.total_seconds(),
        state=one.word,
        reason=one.reason,
        since=one.since,
        checked_at=one.checked_at,
        uptime_24h=one.history.uptime.get("24h"),
        uptime_7d=one.history.uptime.get("7d"),
        uptime_90d=one.history.uptime.get("90d"),
        latency_ms=one.history.last_ms,
    )


@router.post("/probe/exchange", response=Orders, auth=scope("probe:write"), summary="A remote probe reports")
def probe_exchange(request: HttpRequest, report: Report) -> Orders:
    """For remote probes alone: hand over results, learn what to look at. Only a probe's own token may."""
    return exchange(_probe_of(request), report, timezone.now())


@router.post(
    "/probe/runs/{key}/evidence/{file}",
    response={204: None},
    auth=scope("probe:write"),
    summary="A remote probe hands over evidence",
)
def probe_evidence(request: HttpRequest, key: str, file: str) -> tuple[int, None]:
    """For remote probes alone: a file (the body) that a run of theirs named as evidence, at most 20 MB."""
    run = Run.objects.filter(key=key, probe=_probe_of(request).name).first() if key else None
    try:
        if run is None or not keep_file(run, file, iter(lambda: request.read(65_536), b"")):
            raise HttpError(404, "No run of this probe names such a file.")
    except TooLarge as error:
        raise HttpError(413, str(error)) from error
    return 204, None


def _probe_of(request: HttpRequest) -> Probe:
    probe = Probe.objects.filter(token=getattr(request, "auth", None)).first()
    if probe is None:
        raise HttpError(403, "This token belongs to no probe; make one with `golive probe add`.")
    return probe


@router.get("/projects/{slug}/checks", response=list[CheckOut], auth=scope("checks:read"), summary="List checks")
def checks(request: HttpRequest, slug: str) -> list[CheckOut]:
    """All checks, those in trouble first."""
    project = get_object_or_404(Project, slug=slug)
    return [_out(one) for one in standings(project, timezone.now(), _histories(slug))]


@router.get("/projects/{slug}/checks/{name}", response=CheckOut, auth=scope("checks:read"), summary="One check")
def check(request: HttpRequest, slug: str, name: str) -> CheckOut:
    """How one check stands."""
    return _out(standing(_check(slug, name), timezone.now(), _histories(slug).get(name)))


@router.get(
    "/projects/{slug}/checks/{name}/results",
    response=list[ResultOut],
    auth=scope("checks:read"),
    summary="Results of a check",
)
def results(
    request: HttpRequest, slug: str, name: str, since: datetime | None = None, failures: bool = False, limit: int = 100
) -> list[ResultOut]:
    """Single results, newest first, at most 1000; the last day unless `since` says otherwise."""
    _check(slug, name)
    now = timezone.now()
    start = since or now - timedelta(days=1)
    start = timezone.make_aware(start) if timezone.is_naive(start) else start
    if not datetime(2000, 1, 1, tzinfo=start.tzinfo) < start <= now:
        raise HttpError(422, "since lies between the year 2000 and now")
    rows = history.results(slug, name, start, now, failures=failures, most=max(1, min(limit, 1000)))
    return [ResultOut(**row) for row in rows]


@router.post(
    "/projects/{slug}/checks/{name}/runs", response=ResultOut, auth=scope("checks:write"), summary="Probe a check now"
)
def probe_now(request: HttpRequest, slug: str, name: str) -> ResultOut:
    """Probe once and answer what was seen; the check's state is left alone."""
    return ResultOut(**run(_check(slug, name)).row())


def _check(slug: str, name: str) -> Check:
    found: Check = get_object_or_404(
        Check.objects.select_related("project", "state_row"), project__slug=slug, name=name
    )
    return found


def _histories(slug: str) -> dict[str, history.History]:
    try:
        return history.histories(slug, timezone.now())
    except StoreError:
        return {}  # how it stands is known without the store

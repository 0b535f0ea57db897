"""The comparison of two releases on what really arrived: spans by OTLP and errors by the Sentry SDK, through ingest."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sentry_sdk
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from golive.people.models import Project
from golive.releases import runtime, signals
from golive.releases.gates import objections
from golive.releases.models import Deploy, Environment, Release
from golive.releases.verdict import Judgement, Seen, Verdict, judge
from golive.rules.models import Origin, Rule
from golive.rules.settings import RuleKind
from golive.telemetry import store
from tests.ingest.conftest import DSN_KEY, KEY, Plant, make_plant

SWITCHED = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=2)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """A store and an ingest that this process asks, too."""
    made = make_plant(tmp_path_factory.mktemp("plant"))
    before = os.environ.get("GOLIVE_DATA")
    os.environ["GOLIVE_DATA"] = str(made.data)
    try:
        made.start("store")
        made.start("ingest")
        made.wait_for_ingest()
        made.wait_for_store()
        yield made
    finally:
        made.stop()
        store._forget()
        os.environ.pop("GOLIVE_DATA")
        if before is not None:
            os.environ["GOLIVE_DATA"] = before


@dataclass
class Two:
    """A release and the one before it, both telling what they served."""

    plant: Plant
    old: Release
    deploy: Deploy

    def serve(self, release: Release, *, many: int = 40, ms: float = 40, failing: str = "") -> None:
        """Requests to /tasks and /projects, before the switch or since, as the release's own environment names it."""
        named = dict(
            part.split("=", 1)
            for part in runtime.environment_of(release, self.deploy.environment)["OTEL_RESOURCE_ATTRIBUTES"].split(",")
        )
        provider = TracerProvider(resource=Resource.create({"service.name": "web", **named}))
        exporter = OTLPSpanExporter(f"{self.plant.url}/v1/traces", headers={"Authorization": f"Bearer {KEY}"})
        provider.add_span_processor(BatchSpanProcessor(exporter))
        tracer = provider.get_tracer("web")
        new = release == self.deploy.release
        began = SWITCHED + (timedelta(seconds=5) if new else timedelta(minutes=-3))
        for number in range(many):
            route = ("/tasks", "/projects")[number % 2]
            start = round((began + timedelta(milliseconds=100 * number)).timestamp() * 1e9)
            failed = route == failing
            span = tracer.start_span(f"GET {route}", kind=SpanKind.SERVER, start_time=start)
            span.set_attributes({"http.route": route, "http.response.status_code": 500 if failed else 200})
            span.end(start + round(ms * 1e6))
        provider.shutdown()
        self.plant.ask_until(
            f"SELECT count() AS n FROM spans WHERE release = '{release.name}'", lambda rows: rows[0]["n"] >= many
        )

    def fail(self, release: Release, error: Exception) -> None:
        """An exception that the release's Sentry SDK sends."""
        client = sentry_sdk.Client(
            dsn=f"http://{DSN_KEY}@127.0.0.1:{self.plant.port}/7", release=release.name, environment="production",
            default_integrations=False,
        )  # fmt: skip
        scope = sentry_sdk.Scope(client=client)
        with sentry_sdk.scope.use_isolation_scope(scope), sentry_sdk.scope.use_scope(scope):
            scope.set_client(client)
            try:
                raise error
            except type(error) as raised:
                event = sentry_sdk.capture_exception(raised)
        client.close(timeout=5)
        self.plant.ask_until(f"SELECT 1 FROM errors WHERE event_id = '{event}'", bool)

    def verdict(self) -> Verdict:
        found = signals.telemetry(self.deploy, SWITCHED)
        assert found is not None
        return judge(Seen(True, old=found[0], new=found[1], source="telemetry"), elapsed=60, watch=30)


@pytest.fixture
def two(plant: Plant, db: None, request: pytest.FixtureRequest) -> Two:
    project, _ = Project.objects.get_or_create(slug="acme", defaults={"name": "acme"})
    where = Environment.objects.create(project=project, name="production", created_at=SWITCHED)
    mark = request.node.name.replace("test_", "")[:30]
    releases = [
        Release.objects.create(
            project=project, number=number, name=f"acme@{number}-{mark}", folder=str(Path("/")), created_at=SWITCHED
        )
        for number in (1, 2)
    ]
    before = Deploy.objects.create(environment=where, release=releases[0], started_at=SWITCHED, state="done")
    made = Deploy.objects.create(environment=where, release=releases[1], previous=before, started_at=SWITCHED)
    return Two(plant, releases[0], made)


def test_a_release_as_good_as_before_passes(two: Two) -> None:
    two.serve(two.old)
    two.serve(two.deploy.release)
    found = signals.telemetry(two.deploy, SWITCHED)
    assert found is not None
    assert [(one.requests, one.failures, round(one.p95_ms or 0)) for one in found] == [(40, 0, 40), (40, 0, 40)]
    assert dict(found[1].routes) == {"/tasks": (20, 0), "/projects": (20, 0)}
    assert two.verdict().judgement is Judgement.PASS


def test_three_times_slower_fails(two: Two) -> None:
    two.serve(two.old, ms=150)
    two.serve(two.deploy.release, ms=450)
    assert two.verdict() == Verdict(Judgement.FAIL, "p95 450 ms, 150 ms before (telemetry)")


def test_500_on_one_route_fails(two: Two) -> None:
    two.serve(two.old)
    two.serve(two.deploy.release, failing="/projects")
    found = two.verdict()
    assert found.judgement is Judgement.FAIL
    assert "50.0% of 40 requests failed, 0.0% before (telemetry)" in found.reason


def test_one_route_among_few_requests_fails_by_itself(two: Two) -> None:
    two.serve(two.old)
    two.serve(two.deploy.release, many=18, failing="/projects")
    assert two.verdict().reason == "/projects failed 9 of 9 times, 0 of 20 before (telemetry)"


def test_a_release_that_tells_nothing_is_not_compared(two: Two) -> None:
    two.serve(two.old)
    assert signals.telemetry(two.deploy, SWITCHED) is None


def test_only_errors_never_seen_before_count(two: Two) -> None:
    two.fail(two.old, LookupError("the basket is empty"))
    since = datetime.now(UTC)
    for _ in range(signals.NEW_ERROR_EVENTS):
        two.fail(two.deploy.release, LookupError("the basket is empty"))
    assert signals.new_errors(two.deploy, since) == []
    for _ in range(signals.NEW_ERROR_EVENTS):
        assert signals.new_errors(two.deploy, since) == []
        two.fail(two.deploy.release, ValueError("no such currency"))
    found = signals.new_errors(two.deploy, since)
    assert found == ["ValueError: no such currency"]
    assert judge(Seen(True, new_errors=found), 1, 30).reason == "errors never seen before: ValueError: no such currency"


def test_a_spent_error_budget_holds_deploys_until_a_person_says_why(two: Two) -> None:
    where = two.deploy.environment
    two.serve(two.old, failing="/projects")
    rule = Rule.objects.create(
        project=where.project, kind=RuleKind.BURN, name="slo-web", origin=Origin.FILE,
        settings={"objective": "99%", "period": "1d"},
    )  # fmt: skip
    assert objections(where, two.deploy.release, {}) == [], "nothing serves yet: nothing was promised"
    where.live = two.deploy
    [found] = objections(where, two.deploy.release, {})
    assert found.gate == "budget"
    assert re.match(r"web: the error budget of 99 % in 1d is spent [\d.]+ times over", found.reason)
    assert objections(where, two.deploy.release, {"budget": "it mends /projects"}) == []
    rule.settings = {"objective": "51%", "period": "1d", "route": "/tasks"}
    rule.save()
    assert objections(where, two.deploy.release, {}) == []

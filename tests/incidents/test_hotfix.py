"""A hotfix as a way out: a branch at what production runs, open to the fast lane until the incident is resolved."""

import subprocess
from pathlib import Path

import pytest
from django.utils import timezone
from typer.testing import CliRunner

from golive.alerts.models import Severity
from golive.incidents import actions, hotfix, moves, panels
from golive.incidents.actions import ActionError
from golive.incidents.commands import app
from golive.incidents.models import EntryKind, Incident
from golive.people.models import AuditEntry, Project
from golive.people.tokens import create
from golive.pipelines import deploys, fast_lane, remote
from golive.pipelines.listener import Context
from golive.pipelines.models import Run
from golive.pipelines.stages import LOCAL, Stage
from golive.releases.executor import Outcome
from golive.releases.models import Deploy, DeployKind, DeployState, Environment, Release, ReleaseState

assert panels  # which registers the ways out
PIPELINE = '[app]\nname = "acme"\n[pipeline.unit]\nrun = "true"\n'


@pytest.fixture
def commit(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A commit in the project's own git remote, deployed to production."""
    monkeypatch.setenv("GOLIVE_DATA", str(tmp_path / "data"))
    bare, work = remote.ensure(project), tmp_path / "work"
    who = ["-c", "user.name=ada", "-c", "user.email=ada@acme.example"]
    subprocess.run(["git", "clone", "-q", bare, work], check=True, capture_output=True)
    (work / "golive.toml").write_text(PIPELINE)
    for words in (["add", "."], [*who, "commit", "-qm", "first"], ["--git-dir", bare, "fetch", "-q", work, "HEAD"]):
        subprocess.run(["git", *words], cwd=work, check=True, capture_output=True)
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=work, check=True, capture_output=True, text=True)
    now = timezone.now()
    where = Environment.objects.create(project=project, name="production", created_at=now)
    made = Release.objects.create(
        project=project, number=1, name="acme@1", commit=done.stdout.strip(), state=ReleaseState.READY, created_at=now
    )
    where.live = Deploy.objects.create(
        environment=where, release=made, kind=DeployKind.DEPLOY, state=DeployState.DONE, by="ada", started_at=now
    )
    where.save()
    return done.stdout.strip()


@pytest.fixture
def incident(project: Project) -> Incident:
    return moves.open_incident(project, "checkout is broken", Severity.CRITICAL, timezone.now())


def start(incident: Incident, key: str) -> str:
    way = actions.way_out("hotfix")
    assert way is not None
    told = way.take(incident, key, "ada@acme.example")
    incident.refresh_from_db()
    return told


@pytest.mark.django_db
def test_it_opens_a_branch_at_what_serves_and_the_lane_for_it_alone(project, incident, commit):
    ((_, offer),) = [pair for pair in actions.offers(incident) if pair[0] == "hotfix"]
    assert "without preview and end-to-end tests" in offer.effect
    assert remote.stages_of(project, "hotfix/incident-1", "tree") == list(LOCAL)  # nobody has opened it yet
    assert "hotfix/incident-1" in start(incident, offer.key)
    bare = remote.folder(project)
    tip = subprocess.run(["git", "--git-dir", bare, "rev-parse", "hotfix/incident-1"], capture_output=True, text=True)
    assert tip.stdout.strip() == commit
    assert AuditEntry.objects.filter(action="incident.hotfix", actor="ada@acme.example").exists()
    assert remote.stages_of(project, "hotfix/incident-1", "tree") == list(fast_lane.STAGES)
    assert Stage.E2E not in fast_lane.STAGES
    assert remote.stages_of(project, "hotfix/incident-2", "tree") == list(LOCAL)
    assert not [offer for name, offer in actions.offers(incident) if name == "hotfix"]  # once is enough
    with pytest.raises(ActionError, match="already"):
        start(incident, commit)
    moves.resolve(incident, "ada", timezone.now(), cause="a bug", release="v2")
    assert remote.stages_of(project, "hotfix/incident-1", "tree") == list(LOCAL)


@pytest.mark.django_db
def test_a_push_to_it_begins_the_fast_lane_and_the_timeline_tells(project, incident, commit):
    start(incident, commit)
    update = remote.Update("0" * 40, commit, "refs/heads/hotfix/incident-1")
    run = remote.begin(update, project, "ben")
    assert run is not None
    assert run.stages == [str(stage) for stage in fast_lane.STAGES]
    hotfix.note_runs()
    Run.objects.update(state="passed", reason="all stages passed")
    hotfix.note_runs()
    hotfix.note_runs()
    lines = list(incident.timeline.filter(kind=EntryKind.ACTION).values_list("text", "link"))
    assert lines == [
        ("Hotfix: run #1 begun by ben", run.link),
        ("Hotfix: run #1 passed. all stages passed", run.link),
    ]
    found = hotfix.of(incident)
    assert found is not None
    assert found.commands[-1] == "git push golive hotfix/incident-1"


@pytest.mark.django_db
@pytest.mark.parametrize(("pull_request", "passes"), [("", True), ("7", False)])
def test_its_deploy_passes_the_gate_of_the_incident_a_pull_request_does_not(
    project, incident, commit, monkeypatch, pull_request, passes
):
    start(incident, commit)
    seen = {}

    def deploy(release, where, *, tell, by, overrides=None):
        seen["overrides"] = overrides
        return Outcome(0, DeployState.DONE, "", 0.0)

    monkeypatch.setattr(deploys.door, "deploy", deploy)
    context = Context(
        "acme", None, "", commit, "refs/heads/hotfix/incident-1", pull_request, {}, {}, lambda _: None, lambda: False
    )
    deploys.Delivery("ada")._deploy(Release.objects.get(), context)
    assert set(seen["overrides"] or {}) == ({"incident", "readiness", "budget"} if passes else set())
    assert all("#1" in why for why in (seen["overrides"] or {}).values())


@pytest.mark.django_db
def test_what_production_runs_must_be_known_to_the_remote(project, incident, commit):
    Release.objects.update(commit="f" * 40)
    with pytest.raises(ActionError, match="does not have ffffffffff"):
        start(incident, "f" * 40)
    incident.refresh_from_db()
    assert incident.hotfix_branch == ""


@pytest.mark.django_db
def test_ways_out_over_the_api_and_by_command(project, incident, commit, client):
    robot, value = create("robot", ["incidents:write"])
    bearer = {"authorization": f"Bearer {value}"}
    base = "/api/v1/projects/acme/incidents/1/ways-out"
    assert CliRunner().invoke(app, ["incident", "way-out", "1"]).output.startswith("hotfix: Start a hotfix - opens")
    assert CliRunner().invoke(app, ["incident", "way-out", "1", "rollback", "--yes"]).exit_code == 1
    (offer,) = client.get(base, headers=bearer).json()
    assert (offer["name"], offer["key"]) == ("hotfix", commit)
    refused = client.post(f"{base}/hotfix", {"key": commit}, "application/json", headers=bearer)
    assert (refused.status_code, "pipelines:write" in refused.content.decode()) == (403, True)
    robot.scopes.append("pipelines:write")
    robot.save()
    stale = client.post(f"{base}/hotfix", {"key": "x"}, "application/json", headers=bearer)
    assert (stale.status_code, "another release" in stale.content.decode()) == (409, True)
    taken = client.post(f"{base}/hotfix", {"key": commit}, "application/json", headers=bearer)
    assert taken.status_code == 200
    assert incident.timeline.filter(kind=EntryKind.ACTION, actor="token:robot").count() == 1
    assert client.post(f"{base}/nothing", {"key": ""}, "application/json", headers=bearer).status_code == 409
    assert client.get(base, headers=bearer).json() == []

"""Console, API and command line of readiness."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from golive.changes.models import Change, Kind
from golive.jobs.models import Job
from golive.people.models import Project, Role, User
from golive.people.tokens import create
from golive.readiness import records, tasks
from golive.readiness.item import Place
from golive.readiness.items import ITEMS
from golive.readiness.models import Plan, Proof
from golive.readiness.runner import Result
from golive.readiness.section import ReadinessSection, apply
from golive.readiness.subjects import SubjectError, maker
from golive.readiness.verdict import Control, Report

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = Project.objects.create(slug="acme", name="acme", url="https://acme.example")
    apply(project.pk, ReadinessSection.model_validate({"preview": "https://preview.acme.example"}), "test")
    return project


@pytest.fixture
def console(client: Client) -> Client:
    client.force_login(User.objects.create_person("ada@acme.example", "a long pass phrase", Role.OWNER))
    return client


def proof(project: Project, key: str, *, wrong: str = "", at: datetime | None = None) -> Proof:
    """A kept proof of an item, as a run would leave it."""
    item, now = ITEMS[key], at or timezone.now()
    report, bad = Report(2, 2), Report(1, 1)
    bad.convict("planted", "is bad")
    if wrong:
        report.convict("GET /<b>open</b>", wrong)
    subject = maker(project, now)(item)
    controls = [Control("bad", True, bad), Control("good", False, Report(1, 1))]
    return records.keep(project, Result(item, subject, report, controls, item.inputs(subject), [], now, now))


def test_what_blocks_comes_first_and_there_is_no_score(project: Project, console: Client) -> None:
    page = console.get("/p/acme/readiness/").content.decode()
    assert "acme is not ready: 18 are unknown" in page
    assert "Nothing is proved yet" in page
    proof(project, "cors")
    proof(project, "legal", wrong="is <i>missing</i>")
    page = console.get("/p/acme/readiness/").content.decode()
    assert "1 item fails and 16 are unknown" in page
    assert page.index("Terms and privacy") < page.index("Authentication on every") < page.index("CORS for your")
    assert "&lt;i&gt;missing" in page
    assert "<i>missing" not in page
    assert "%" not in page.partition("<table")[2].partition("</table")[0]


def test_an_item_shows_its_evidence(project: Project, console: Client) -> None:
    assert "never examined" in console.get("/p/acme/readiness/cors/").content.decode()
    kept = proof(project, "legal", wrong="is missing")
    page = console.get("/p/acme/readiness/legal/").content.decode()
    assert "GET /&lt;b&gt;open" in page
    assert kept.digest[:12] in page
    assert "convicted" in page
    assert console.get("/p/acme/readiness/nothing/").status_code == 404


def test_a_proof_ends_with_its_time_and_its_inputs(project: Project, console: Client) -> None:
    proof(project, "cors", at=timezone.now() - ITEMS["cors"].lasts)
    assert "it has expired; it said pass" in console.get("/p/acme/readiness/").content.decode()
    proof(project, "cors")
    assert "it said pass" not in console.get("/p/acme/readiness/").content.decode()
    Change.objects.create(project=project, kind=Kind.DEPLOY, subject="7", title="7", release="7", at=timezone.now())
    assert "its release has changed since (not recorded → 7)" in console.get("/p/acme/readiness/").content.decode()


def test_a_run_is_queued_once(project: Project, console: Client) -> None:
    assert console.post("/p/acme/readiness/run/", {"item": "cors"}).status_code == 302
    console.post("/p/acme/readiness/run/", {"item": "cors"})
    assert Job.objects.filter(kind=tasks.KIND).count() == 1
    assert console.post("/p/acme/readiness/run/", {"item": "nothing"}).status_code == 404


def test_a_viewer_starts_nothing(project: Project, client: Client) -> None:
    client.force_login(User.objects.create_person("eve@acme.example", "a long pass phrase", Role.VIEWER))
    assert client.post("/p/acme/readiness/run/").status_code == 403
    assert client.get("/p/acme/readiness/evidence.json").status_code == 403


def test_the_background_asks_for_what_is_due(project: Project) -> None:
    tasks.keep_proved()
    assert not Job.objects.exists()  # nothing ran yet: the first run is a person's decision
    proof(project, "cors", at=timezone.now() - timedelta(days=2))
    proof(project, "legal")
    tasks.keep_proved()
    assert [job.payload["items"] for job in Job.objects.all()] == [["cors"]]


def test_production_is_never_the_preview(project: Project) -> None:
    Plan.objects.update(
        settings=ReadinessSection.model_validate({"preview": "https://ACME.example"}).model_dump(mode="json")
    )
    with pytest.raises(SubjectError, match="production address"):
        maker(project, timezone.now())


def test_changing_probes_go_to_the_preview(project: Project) -> None:
    make = maker(project, datetime.now(UTC))
    for item in ITEMS.values():
        wanted = Place.PREVIEW if item.changes else Place.PRODUCTION
        assert make(item).place is wanted
        assert ("preview" in make(item).url) is item.changes


def test_the_api(project: Project, client: Client) -> None:
    token = create("ci", ["readiness:write"])[1]
    header = {"Authorization": f"Bearer {token}"}
    proof(project, "legal", wrong="is missing")
    rows = client.get("/api/v1/projects/acme/readiness", headers=header).json()
    assert (rows[0]["item"], rows[0]["verdict"]) == ("legal", "fail")
    assert len(rows) == 18
    found = client.get("/api/v1/projects/acme/readiness/legal", headers=header).json()
    assert found["document"]["findings"][0]["text"] == "is missing"
    assert client.get("/api/v1/projects/acme/readiness/cors", headers=header).status_code == 404
    assert client.post("/api/v1/projects/acme/readiness/cors/runs", headers=header).status_code == 202
    assert client.post("/api/v1/projects/acme/readiness/x/runs", headers=header).status_code == 404

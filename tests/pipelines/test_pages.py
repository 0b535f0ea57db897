"""Pages and API of runs."""

from datetime import date, datetime
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from golive.notify.models import Channels, OutboxMessage
from golive.people import tokens
from golive.people.models import Project, Role, User
from golive.pipelines import digest
from golive.pipelines.models import FlakyTest
from golive.pipelines.stages import Stage
from tests.pipelines.conftest import Commit
from tests.pipelines.test_runs import ship

pytestmark = pytest.mark.django_db(transaction=True)
PIPELINE = """
[pipeline.lint]
run = "echo all tidy"
[pipeline.unit]
run = "cp report.xml $REPORTS; exit 1"
"""
REPORT = '<testsuite><testcase classname="t" name="adds" time="0.5"><failure message="1 != 2"/></testcase></testsuite>'


@pytest.fixture
def person(client: Client) -> Client:
    client.force_login(User.objects.create_person("ada@shop.example", "long enough", Role.OWNER))
    return client


def test_pages_of_a_failed_run(person: Client, project: Project, repository: Path, commit: Commit) -> None:
    assert b"golive ship" in person.get("/p/shop/runs/").content, "the empty page tells the next command"
    commit(PIPELINE, {"report.xml": REPORT})
    run = ship(project, repository, [Stage.LINT, Stage.UNIT])
    page = person.get(run.link).content.decode()
    assert "failed after" in page
    assert "1 test failed" in page
    step = person.get(f"{run.link}steps/unit/").content.decode()
    assert "t::adds" in step
    assert "1 != 2" in step
    assert "all tidy" in person.get(f"{run.link}steps/lint/").content.decode()
    listed = person.get("/p/shop/runs/").content.decode()
    assert "unit failed" in listed
    assert person.get(f"{run.link}live/").status_code == 200
    assert person.get("/p/shop/runs/99/").status_code == 404
    assert person.get(f"{run.link}steps/..%2F..%2Fx/").status_code == 404


def test_artifacts_are_handed_out_and_nothing_else(
    person: Client, project: Project, repository: Path, commit: Commit
) -> None:
    made = "mkdir out; echo made > out/a.html; ln -s /etc/passwd out/link"
    commit(f'[pipeline.build]\nrun = "{made}"\nartifacts = ["out/**"]')
    run = ship(project, repository, [Stage.BUILD])
    base = f"{run.link}steps/build/"
    assert f"{base}artifacts/out/a.html" in person.get(base).content.decode()
    answer = person.get(f"{base}artifacts/out/a.html")
    assert b"".join(answer) == b"made\n"
    assert "attachment" in answer["Content-Disposition"], "never shown: it could be a page with a script"
    for path in ("out/link", "out/b.html", "../build.log", "..%2Fbuild.log", "out/../../../build.log"):
        assert person.get(f"{base}artifacts/{path}").status_code == 404, path


def test_the_week_in_figures(person: Client, project: Project, repository: Path, commit: Commit) -> None:
    commit(PIPELINE, {"report.xml": REPORT})
    ship(project, repository, [Stage.LINT, Stage.UNIT])
    page = person.get("/p/shop/runs/digest/").content.decode()
    assert "1 of 1 runs failed" in page
    assert "unit 1 times" in page
    assert "Nothing was shipped" in person.get("/p/shop/runs/digest/?week=2020-01-01").content.decode()
    assert person.get("/p/shop/runs/digest/?week=never").status_code == 200
    Channels.objects.create(project=project, email="smtp://127.0.0.1:1")
    this = digest.monday(timezone.now().date())
    assert digest.send(project, this) == 1
    assert digest.send(project, this) == 0, "once"
    (message,) = OutboxMessage.objects.all()
    assert message.recipient == "ada@shop.example"
    assert "Change-fail rate: not known" in message.text
    assert digest.send(project, this - digest.WEEK) == 0, "nothing happened: nothing is said"


@pytest.mark.parametrize(
    ("now", "first"),
    [
        ("2026-11-23T07:59", "2026-11-09"),
        ("2026-11-23T08:00", "2026-11-16"),
        ("2026-11-29T23:59", "2026-11-16"),
        ("2026-11-30T08:00", "2026-11-23"),
    ],
)
def test_a_digest_is_due_on_monday_morning(now: str, first: str) -> None:
    assert digest.due(datetime.fromisoformat(f"{now}+00:00")) == date.fromisoformat(first)


def test_running_again_and_stopping(person: Client, project: Project, repository: Path, commit: Commit) -> None:
    commit(PIPELINE)
    run = ship(project, repository, [Stage.LINT])
    answer = person.post(f"{run.link}repetition/")
    assert answer.headers["Location"] == "/p/shop/runs/2/"
    person.post("/p/shop/runs/2/cancellation/")
    assert "was cancelled: cancelled by ada@shop.example" in person.get("/p/shop/runs/2/").content.decode()


def test_the_api(project: Project, repository: Path, commit: Commit) -> None:
    _, token = tokens.create("t", ["pipelines:write"])
    client = Client(headers={"Authorization": f"Bearer {token}"})
    commit(PIPELINE, {"report.xml": REPORT})
    run = ship(project, repository, [Stage.LINT, Stage.UNIT])
    base = "/api/v1/projects/shop"
    assert [one["number"] for one in client.get(f"{base}/runs").json()] == [run.number]
    detail = client.get(f"{base}/runs/{run.number}").json()
    assert {step["name"]: step["state"] for step in detail["steps"]}["unit"] == "failed"
    lines = client.get(f"{base}/runs/{run.number}/log?step=lint").json()
    assert [line["text"] for line in lines] == ["$ echo all tidy", "all tidy"]
    assert client.post(f"{base}/runs/{run.number}/cancellation").status_code == 409
    assert client.post(f"{base}/runs/{run.number}/repetition").status_code == 201
    wanted = {"name": "t::adds", "owner": "ada", "reason": "races", "days": 7}
    made = client.post(f"{base}/quarantines", wanted, content_type="application/json")
    assert made.status_code == 201
    assert FlakyTest.objects.get().owner == "ada"
    assert Client().get(f"{base}/runs").status_code == 401

"""The pages and the API over a real database and a real store: each answers and says what is there."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from typer.testing import CliRunner

from golive.jobs.kinds import JobError, Work
from golive.jobs.models import Job
from golive.notify.models import OutboxMessage
from golive.people import audit, tokens
from golive.people.models import Role, User
from golive.postgres.advice import tasks as advice_tasks
from golive.postgres.advice.models import Advice, AdviceRun, Stage
from golive.postgres.archive import tasks as archives
from golive.postgres.archive.declared import is_due
from golive.postgres.backups import tasks as backups
from golive.postgres.backups.models import Backup, Drill
from golive.postgres.commands import app
from golive.postgres.grow import tasks as growth
from golive.postgres.look import review, run
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.look.models import Snapshot, StatementText
from golive.postgres.pool import tasks as pool_tasks
from golive.postgres.replicas import tasks as replica_tasks
from golive.telemetry import facts
from tests.postgres.conftest import Place
from tests.telemetry.stores import running_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with running_store(tmp_path_factory.mktemp("store")):
        yield


@pytest.fixture
def seen(place: Place, store: None) -> Place:
    """A database that was looked at twice, with something to say."""
    place.run("CREATE TABLE orders (id serial PRIMARY KEY, n int)")
    place.run("INSERT INTO orders (n) SELECT generate_series(1, 20000)")
    place.run("SELECT setval('orders_id_seq', 2000000000)")
    now = timezone.now() - timedelta(minutes=6)
    run.look(place.database, now, COLLECTORS.values())
    for _ in range(30):
        place.run("SELECT count(*) FROM orders WHERE n > 7")
    run.look(place.database, timezone.now() - timedelta(seconds=1), COLLECTORS.values())
    assert facts.flush()
    return place


@pytest.fixture
def ada(place: Place, client: Client) -> Client:
    client.force_login(User.objects.create_person("ada@acme.example", "correct horse battery", Role.OWNER))
    return client


def test_every_page_answers(seen: Place, ada: Client) -> None:
    base = f"/p/{seen.project.slug}/database/"
    overview = ada.get(base).content.decode()
    assert "needs you" in overview
    for name, collector in COLLECTORS.items():
        page = ada.get(f"{base}look/{name}/")
        assert page.status_code == 200
        assert collector.title in page.content.decode()
    assert "93 % used of public.orders.id" in ada.get(f"{base}look/sequences/").content.decode()
    text = StatementText.objects.get(database=seen.database, text__contains="FROM orders WHERE n >")
    link = f"{base}statements/{text.query_id}/"
    page = ada.get(link).content.decode()
    assert "Called 30 times" in page
    assert "By release" in page
    assert "before the first deploy" in page
    assert ada.post(f"{link}plan/").status_code == 302
    assert "Seq Scan" in ada.get(link).content.decode()
    assert ada.post(f"{base}look/locks/ask/").status_code == 302
    assert ada.get(f"{base}look/nonsense/").status_code == 404


def test_a_review_is_made_once_and_mailed(seen: Place, ada: Client) -> None:
    now = timezone.now()
    made = review.make(seen.database, now.date(), now)
    assert made is not None
    assert review.make(seen.database, now.date(), now) is None
    (mail,) = OutboxMessage.objects.filter(project=seen.project, about="database")
    assert mail.recipient == "ada@acme.example"
    assert "Costs most" in mail.text
    assert "orders" in mail.text
    page = ada.get(f"/p/{seen.project.slug}/database/reviews/").content.decode()
    assert "Costs most" in page


def test_the_review_says_what_is_advised_and_what_earlier_advice_brought(seen: Place, ada: Client) -> None:
    now = timezone.now()
    runs = [
        AdviceRun.objects.create(database=seen.database, at=now - timedelta(days=days), by="golive", proved=True)
        for days in (9, 1)
    ]
    common: dict[str, Any] = {"kind": "add", "table": "public.orders", "statement": "CREATE INDEX ...", "reason": "why"}
    Advice.objects.create(
        run=runs[0], name="old_ix", stage=Stage.SEEN, proved_before_ms=100, proved_after_ms=10, seen_before_ms=50,
        seen_after_ms=4, seen_at=now - timedelta(days=2), **common,
    )  # fmt: skip
    Advice.objects.create(run=runs[0], name="older_ix", stage=Stage.PROVED, **common)  # of a run before the last
    Advice.objects.create(run=runs[1], name="new_ix", stage=Stage.PROVED, **common)
    Advice.objects.create(run=runs[1], name="no_ix", stage=Stage.REFUSED, **common)
    made = review.make(seen.database, now.date(), now)
    assert made is not None
    assert [one["what"] for one in made.content["advice"]] == ["add new_ix on public.orders"]
    (brought,) = made.content["brought"]
    assert brought["reason"] == ("a call takes 4.00 ms in production, 50.00 ms before (10% was proved on the copy)")
    assert "1 index advised, 1 of earlier advice in production" in review.sentence(made.content)
    mail = OutboxMessage.objects.get(project=seen.project, about="database")
    assert "What earlier advice brought" in mail.text
    page = ada.get(f"/p/{seen.project.slug}/database/reviews/").content.decode()
    assert "new_ix" in page
    assert "4.00 ms in production" in page


def test_advice_is_asked_before_each_review_where_there_is_a_clone(place: Place) -> None:
    advice_tasks.before_reviews()
    assert not Job.objects.filter(kind="database.advise").exists()
    place.database.plan["advice"]["clone"] = "env:CLONE_URL"
    place.database.plan["review"]["day"] = (timezone.now() + timedelta(days=1)).strftime("%A").lower()
    place.database.save()
    for _ in range(2):
        advice_tasks.before_reviews()
    assert Job.objects.filter(kind="database.advise", subject=place.project.slug).count() == 1


def test_pool_and_replicas_have_pages(seen: Place, ada: Client) -> None:
    base = f"/p/{seen.project.slug}/database/"
    page = ada.get(f"{base}pool/").content.decode()
    assert "No pool stands before this database" in page
    assert "golive db pool plan" in page
    assert "has not been measured yet" in ada.get(f"{base}replicas/").content.decode()
    seen.run("SET work_mem = '5MB'")
    pool_tasks.habits_of_all()
    replica_tasks.measure()
    replica_tasks.ask()
    page = ada.get(f"{base}pool/").content.decode()
    assert "SET for a session" in page
    assert "Who holds connections" in page
    page = ada.get(f"{base}replicas/").content.decode()
    assert "is plain reads" in page
    assert "No replica is declared" in page
    seen.database.replicas = ["env:REPLICA_URL"]
    seen.database.save()
    page = ada.get(f"{base}replicas/").content.decode()
    assert "1 replica declared, of which nothing has been heard lately" in page
    assert "golive db replica status" in page
    seen.database.plan["pool"]["enabled"] = True
    seen.database.save()
    row = {"database": "acme", "role": "app", "clients": 40, "waiting": 9, "in_use": 10, "idle": 0, "allowed": 10,
           "share": 1.0, "max_wait_seconds": 3.2}  # fmt: skip
    Snapshot.objects.create(database=seen.database, collector="pool", at=timezone.now(), rows=[row])
    page = ada.get(f"{base}pool/").content.decode()
    assert "49 clients share 10 server connections" in page
    _, value = tokens.create("t", ["database:read"])
    ask = {"authorization": f"Bearer {value}"}
    api = f"/api/v1/projects/{seen.project.slug}/database"
    answer = ada.get(f"{api}/pool", headers=ask).json()
    assert [one["state"] for one in answer["pools"]] == ["critical"]
    assert "SET for a session" in {one["what"] for one in answer["habits"]}
    assert ada.get(f"{api}/replicas", headers=ask).json()["movable"]["gain"]["4"] >= 1


def test_what_a_command_measured_stands_on_the_page(seen: Place, ada: Client) -> None:
    base, project = f"/p/{seen.project.slug}/database/", ["--project", seen.project.slug]
    seen.run("SET work_mem = '5MB'")
    assert CliRunner().invoke(app, ["db", "pool", "breaks", *project]).exit_code == 1
    assert CliRunner().invoke(app, ["db", "replica", "report", *project]).exit_code == 0
    assert "SET for a session" in ada.get(f"{base}pool/").content.decode()
    assert "is plain reads" in ada.get(f"{base}replicas/").content.decode()


def test_backups_that_nobody_set_up_are_not_tried_but_told(place: Place, ada: Client) -> None:
    folder = Path(place.database.url.removeprefix("file:")).parent
    place.database.plan["backup"] = {"enabled": True, "folder": str(folder)}
    place.database.save()
    backups.schedule()
    assert not Job.objects.filter(kind=backups.BACKUP).exists()
    condition = place.database.conditions.get(kind="backup")
    assert (condition.state, condition.severity) == ("firing", "warning")
    assert "golive db backup setup --apply" in condition.reason
    (folder / "golive" / place.project.slug).mkdir(parents=True)
    (folder / "golive" / place.project.slug / "pgbackrest.conf").touch()
    backups.schedule()
    assert Job.objects.filter(kind=backups.BACKUP).count() == 1


def test_backups_show_what_was_proved(place: Place, ada: Client) -> None:
    base = f"/p/{place.project.slug}/database/backups/"
    assert "Nothing backs this database up" in ada.get(base).content.decode()
    place.database.plan["backup"]["enabled"] = True
    place.database.save()
    backup = Backup.objects.create(database=place.database, label="B1", kind="full", ok=True, began_at=timezone.now())
    proofs = [
        {"name": "nonce", "ok": False, "detail": "another beat"},
        {"name": "tables", "ok": None, "detail": "none"},
    ]
    Drill.objects.create(
        database=place.database, backup=backup, began_at=timezone.now(), ok=False, reason="nonce: another beat",
        proofs=proofs, rto_seconds=9.1, rpo_seconds=60,
    )  # fmt: skip
    page = ada.get(base).content.decode()
    assert "another beat" in page
    assert "not proved" in page
    ada.post(f"{base}drill/")
    assert "drill is queued" in ada.get(base).content.decode()


def test_large_tables_show_partitions_and_archives(place: Place, ada: Client) -> None:
    base = f"/p/{place.project.slug}/database/tables/"
    assert "golive db partition convert" in ada.get(base).content.decode()
    place.run("CREATE TABLE logs (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at)")
    place.run("CREATE TABLE logs_old PARTITION OF logs FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')")
    place.database.plan["partition"] = {"logs": {"table": "logs", "by": "at"}, "x": {"table": "nowhere", "by": "at"}}
    place.database.plan["archive"] = {"old logs": {"table": "logs", "by": "at", "to": "/nowhere", "every": "1d"}}
    place.database.save()
    page = ada.get(base).content.decode()
    assert "logs_old" in page
    assert "new rows are refused" in page
    assert "not partitioned yet" in page
    assert ada.post(f"{base}archive/nonsense/").status_code == 404
    ada.post(f"{base}archive/old%20logs/")
    assert "archive is queued" in ada.get(base).content.decode()
    _, value = tokens.create("t", ["database:read", "database:write"])
    head = {"authorization": f"Bearer {value}"}
    path = f"/api/v1/projects/{place.project.slug}/database"
    found = ada.get(f"{path}/tables", headers=head).json()
    assert [one["state"] for one in found["partitioned"]] == ["firing", "unknown"]
    assert [one["state"] for one in found["archives"]] == ["queued"]
    audit.record("cli", "database.archive", "old logs", project=place.project, rows=1234, files=1)
    assert "1\N{NARROW NO-BREAK SPACE}234" in ada.get(base).content.decode()
    (moved,) = ada.get(f"{path}/tables", headers=head).json()["archives"]
    assert (moved["state"], moved["rows"]) == ("done", 1234)  # a command's run, after the job was asked for
    assert ada.post(f"{path}/archives/old%20logs/runs", headers=head).status_code == 409
    assert ada.post(f"{path}/archives/nonsense/runs", headers=head).status_code == 404
    assert ada.post(f"{path}/backups/drills", headers=head).status_code == 409
    assert ada.get(f"{path}/backups", headers=head).json()["enabled"] is False


def test_growth_shows_what_was_measured(seen: Place, ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    base = f"/p/{seen.project.slug}/database/growth/"
    assert "not been measured" in ada.get(base).content.decode()
    ada.post(f"{base}measure/")
    page = ada.get(base).content.decode()
    assert "watches for a minute" in page
    job = Job.objects.get(kind=growth.GROW)
    monkeypatch.setattr(growth, "WATCH", timedelta(seconds=1))
    job.result, job.state = (
        json.loads(json.dumps(growth.grow(Work(job.pk, job.payload, lambda share, note: None)))),
        "done",
    )
    job.save()
    page = ada.get(base).content.decode()
    assert "What to do, in this order" in page
    assert "You do not need a cache" in page


def test_archives_run_when_they_are_due(place: Place) -> None:
    place.database.plan["archive"] = {
        "daily": {"table": "logs", "by": "at", "to": "/nowhere", "every": "1d"},
        "by hand": {"table": "logs", "by": "at", "to": "/nowhere"},
    }
    place.database.save()
    archives.schedule()
    archives.schedule()  # once at a time
    job = Job.objects.get(kind=archives.ARCHIVE)
    with pytest.raises(JobError, match="no table"):
        archives.archive(Work(job.pk, job.payload, lambda share, note: None))


@pytest.mark.parametrize(
    ("every", "hours_ago", "failed", "due"),
    [
        (None, None, False, False),
        (24, None, False, True),
        (24, 23, False, False),
        (24, 24, False, True),
        (24, 1, True, True),
        (24, 0.5, True, False),
        (0.25, 0.5, True, True),
    ],
)
def test_when_an_archive_is_due(every: float | None, hours_ago: float | None, failed: bool, due: bool) -> None:
    now = timezone.now()
    last = None if hours_ago is None else now - timedelta(hours=hours_ago)
    found, reason = is_due(None if every is None else timedelta(hours=every), last, failed, now)
    assert (found, bool(reason)) == (due, True)


def test_the_api_needs_its_scope_and_says_what_the_pages_say(seen: Place, client: Client) -> None:
    path = f"/api/v1/projects/{seen.project.slug}/database"
    assert client.get(path).status_code == 401
    for scopes, status in ((["logs:read"], 403), (["database:read"], 200)):
        _, value = tokens.create("t", scopes)
        answer = client.get(path, headers={"authorization": f"Bearer {value}"})
        assert answer.status_code == status
    states = {one["name"]: one["state"] for one in json.loads(answer.content)}
    assert states["sequences"] == "critical"
    one = client.get(f"{path}/look/sequences", headers={"authorization": f"Bearer {value}"}).json()
    assert one["rows"][0]["sequence"] == "orders_id_seq"
    assert client.get(f"{path}/look/x", headers={"authorization": f"Bearer {value}"}).status_code == 404


def test_a_project_without_a_database_is_told_the_next_command(place: Place, ada: Client) -> None:
    place.database.delete()
    topics = ("", "advice/", "backups/", "growth/", "pool/", "replicas/", "reviews/", "tables/", "look/sequences/")
    for address in (f"database/{topic}" for topic in topics):
        page = ada.get(f"/p/{place.project.slug}/{address}").content.decode()
        assert "golive db connect" in page
        assert page.count('aria-current="page"') == 1, address

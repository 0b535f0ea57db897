"""Advice as people meet it: commands, the page, the API."""

from datetime import timedelta

import orjson
import pytest
from django.test import Client
from django.utils import timezone
from typer.testing import CliRunner

from golive.jobs.models import Job
from golive.people.models import AuditEntry, Role, User
from golive.people.tokens import create
from golive.postgres.advice import keep
from golive.postgres.advice.models import Advice, AdviceRun, Stage
from golive.postgres.advice.rounds import Lessons
from golive.postgres.commands import app
from golive.postgres.section import DatabaseSection, apply
from tests.postgres.conftest import Place


@pytest.fixture
def console(place: Place, client: Client) -> Client:
    client.force_login(User.objects.create_person("ada@acme.example", "correct horse battery", Role.OWNER))
    return client


def busy(place: Place) -> None:
    place.run("CREATE EXTENSION hypopg")
    place.run("CREATE TABLE orders (id int PRIMARY KEY, customer_id int, pad text DEFAULT repeat('x', 80))")
    place.run("INSERT INTO orders SELECT n, n %% 4000 FROM generate_series(1, %s) n", 20_000)
    place.run("VACUUM (ANALYZE) orders")
    for number in range(40):
        place.run("SELECT * FROM orders WHERE customer_id = %s", number)


def test_asked_on_the_command_line_read_on_the_page(place: Place, console: Client) -> None:
    url = f"/p/{place.project.slug}/database/advice/"
    assert "Nobody has asked for advice yet" in console.get(url).content.decode()
    busy(place)
    done = CliRunner().invoke(app, ["db", "advise", "--project", place.project.slug, "--json"])
    assert done.exit_code == 2, done.output  # predicted only: there is no clone
    said = orjson.loads(done.stdout)
    assert "orders_customer_id_ix" in {change["name"] for change in said["changes"]}
    assert any("reads 20,000 of the 20,000 rows of orders (100%)" in finding["reads"] for finding in said["findings"])
    page = console.get(url).content.decode()
    assert "orders_customer_id_ix" in page
    assert "Nothing here is proved" in page
    assert 'style="' not in page
    assert AuditEntry.objects.filter(action="database.advise").exists()
    shown = CliRunner().invoke(app, ["db", "advise", "--project", place.project.slug, "--why"])
    assert "predicted only" in shown.output
    none = CliRunner().invoke(app, ["db", "advise", "--project", place.project.slug, "--migration", "django"])
    assert none.exit_code == 2
    assert "no migration to write" in none.output


def test_the_record_says_what_was_predicted_proved_and_seen(place: Place, console: Client) -> None:
    """On the command line and on the page, which also gives the proved changes as a migration without asking anew."""
    slug = ["--project", place.project.slug]
    assert CliRunner().invoke(app, ["db", "advice", *slug]).exit_code == 2
    run = AdviceRun.objects.create(database=place.database, at="2026-01-01T00:00:00Z", by="test", proved=True,
                                   cost_before=100, cost_after=30, gap=0.0)  # fmt: skip
    common = {"run": run, "table": "public.orders", "reason": "why", "predicted_ratio": 0.3}
    for name, stage, after in (("a_ix", Stage.SEEN, 2.0), ("b_ix", Stage.PROVED, None), ("c_ix", Stage.REFUSED, None)):
        Advice.objects.create(kind="add", name=name, stage=stage, proved_before_ms=90, proved_after_ms=9,
                              seen_before_ms=40, seen_after_ms=after, undo=f"DROP INDEX CONCURRENTLY IF EXISTS {name}",
                              statement=f"CREATE INDEX CONCURRENTLY {name} ON orders (id)", **common)  # fmt: skip
    shown = CliRunner().invoke(app, ["db", "advice", *slug, "--json"])
    assert [(one["name"], one["stage"], one["seen_after_ms"]) for one in orjson.loads(shown.stdout)] == [
        ("b_ix", "proved", None),
        ("a_ix", "seen", 2.0),
    ]
    assert "2 changes, 1 of them in production" in CliRunner().invoke(app, ["db", "advice", *slug]).output
    written = CliRunner().invoke(app, ["db", "advice", *slug, "--migration", "django", "--after", "shop.0007_x"]).stdout
    assert 'dependencies = [("shop", "0007_x")]' in written
    assert "b_ix ON orders" in written
    assert "c_ix" not in written
    page = console.get(f"/p/{place.project.slug}/database/advice/").content.decode()
    assert "not yet in production" in page
    assert "30" in page
    assert "within 0" in page
    url = f"/p/{place.project.slug}/database/advice/migration/"
    assert all(f"{url}{framework}/" in page for framework in ("sql", "django", "alembic"))
    assert "b_ix ON orders" in console.get(f"{url}sql/").content.decode()
    assert console.get(f"{url}rails/").status_code == 404


def test_a_run_that_was_cut_off_goes_on_from_what_it_had_learned(place: Place) -> None:
    now = timezone.now()
    known = Lessons({"ON a": "no statement got faster"}, {("public", "orders"): 2})
    keep.learned(place.database, known, now)
    assert keep.lessons(place.database, now + timedelta(hours=2)) == known
    assert not keep.lessons(place.database, now + timedelta(days=2)), "a day later the data are others"


def test_the_api_tells_and_asks(place: Place, client: Client) -> None:
    _, token = create("robot", ["database:write", "database:read"])
    bearer = {"authorization": f"Bearer {token}"}
    url = f"/api/v1/projects/{place.project.slug}/database/advice"
    assert client.get(url, headers=bearer).status_code == 404
    assert client.get(url).status_code == 401
    asked = client.post(url, headers=bearer)
    assert asked.status_code == 202
    assert Job.objects.get(pk=orjson.loads(asked.content)["job"]).kind == "database.advise"
    assert client.post(url, headers=bearer).status_code == 409, "one is at work already"
    AdviceRun.objects.create(database=place.database, at="2026-01-01T00:00:00Z", by="test")
    assert orjson.loads(client.get(url, headers=bearer).content)["changes"] == []


def test_the_page_asks_once(place: Place, console: Client) -> None:
    url = f"/p/{place.project.slug}/database/advice/ask/"
    for _ in range(2):
        console.post(url)
    assert Job.objects.filter(kind="database.advise").count() == 1


def test_partition_and_archive_say_before_they_do(place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without --apply nothing changes; what is not declared is told with what is."""
    place.run("CREATE TABLE events (id int PRIMARY KEY, at timestamptz NOT NULL)")
    place.run("INSERT INTO events VALUES (1, '2020-01-01'), (2, now())")
    slug = ["--project", place.project.slug]
    before = place.run("SELECT count(*) FROM pg_class")
    said = CliRunner().invoke(app, ["db", "partition", "convert", "events", "--by", "at", *slug])
    assert said.exit_code == 0, said.output
    assert "ATTACH PARTITION" in said.output
    assert place.run("SELECT count(*) FROM pg_class") == before
    wrong = CliRunner().invoke(app, ["db", "archive", "run", "old", *slug])
    assert wrong.exit_code == 3
    archive = {"old": {"table": "events", "by": "at", "to": str(tmp_path_factory.mktemp("cold"))}}
    partition = {"events": {"table": "events", "by": "at", "ahead": 2}}
    urls = {"url": place.database.url, "admin": place.database.admin}
    section = DatabaseSection.model_validate({**urls, "archive": archive, "partition": partition})
    apply(place.project.pk, section, "test")
    counted = CliRunner().invoke(app, ["db", "archive", "run", "old", *slug])
    assert "1 rows of events may go" in counted.output
    moved = CliRunner().invoke(app, ["db", "archive", "run", "old", "--apply", "--json", *slug])
    assert orjson.loads(moved.stdout)["rows"] == 1, moved.output
    done = CliRunner().invoke(app, ["db", "partition", "convert", "events", "--by", "at", "--apply", "--json", *slug])
    assert orjson.loads(done.stdout)["mode"] == "wrap", done.output
    kept = CliRunner().invoke(app, ["db", "partition", "upkeep", "--json", *slug])
    assert orjson.loads(kept.stdout) == {"events": {"made": [], "detached": []}}, kept.output
    back = CliRunner().invoke(app, ["db", "partition", "undo", "events", *slug])
    assert back.exit_code == 0, back.output
    cache = CliRunner().invoke(app, ["db", "cache", "--json", *slug])
    assert "cache" in orjson.loads(cache.stdout)["headline"], cache.output

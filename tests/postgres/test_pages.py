"""The pages and the API over a real database and a real store: each answers and says what is there."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from golive.notify.models import OutboxMessage
from golive.people import tokens
from golive.people.models import Role, User
from golive.postgres.backups.models import Backup, Drill
from golive.postgres.look import review, run
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.look.models import StatementText
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
    assert "Called 30 times" in ada.get(link).content.decode()
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


def test_the_api_needs_its_scope_and_says_what_the_pages_say(seen: Place, client: Client) -> None:
    path = f"/api/v1/projects/{seen.project.slug}/database"
    assert client.get(path).status_code == 401
    for scopes, status in ((["logs:read"], 403), (["postgres:read"], 200)):
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
    page = ada.get(f"/p/{place.project.slug}/database/").content.decode()
    assert "golive db connect" in page

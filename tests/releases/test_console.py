"""What people see and press: pages, the incident's way out, the API."""

import pytest
from django.test import Client
from django.utils import timezone

from golive.alerts.models import Severity
from golive.incidents import actions, moves
from golive.people import tokens
from golive.people.models import Role, User
from golive.readiness.models import Plan
from golive.releases import door, gates
from golive.releases.gates import Objection
from golive.releases.models import DeployState, Environment, Release
from tests.releases.conftest import Shop


@pytest.fixture
def ada(shop: Shop, client: Client) -> Client:
    client.force_login(User.objects.create_person("ada@acme.example", "correct horse battery", Role.OWNER))
    return client


def test_pages_and_the_button(shop: Shop, ada: Client) -> None:
    assert "No deploy yet" in ada.get("/p/shop/releases/").content.decode()
    first = shop.ship()
    good = shop.serves()
    second = shop.ship()
    page = ada.get("/p/shop/releases/").content.decode()
    assert f"Roll back to {good}" in page
    assert "one flip" in page
    one = ada.get(f"/p/shop/deploys/{second.deploy_id}/").content.decode()
    assert "Watch it" in one
    assert ada.get("/p/shop/releases/1/").status_code == 200
    assert ada.get("/p/shop/commands/").status_code == 200
    assert ada.get("/p/shop/environments/production/env/").status_code == 200
    to = Release.objects.get(project=shop.project, number=1).pk
    answer = ada.post("/p/shop/environments/production/rollback/", {"to": to})
    assert answer.status_code == 302
    assert shop.serves() == good
    assert shop.last().by == "ada@acme.example"
    assert shop.where.live is not None
    assert shop.where.live.runs_as.pk == first.deploy_id


def test_a_viewer_has_no_button_and_may_not_press_it(shop: Shop, client: Client) -> None:
    shop.ship()
    shop.ship()
    client.force_login(User.objects.create_person("eve@acme.example", "correct horse battery", Role.VIEWER))
    assert "Roll back to" not in client.get("/p/shop/releases/").content.decode()
    assert client.post("/p/shop/environments/production/rollback/", {"to": 1}).status_code == 403
    assert client.get("/p/shop/environments/production/env/").status_code == 403


def test_an_incident_offers_the_way_back_and_takes_it(shop: Shop) -> None:
    good = shop.good()
    shop.ship()
    incident = moves.open_incident(shop.project, "checkout is broken", Severity.CRITICAL, timezone.now())
    offers = [offer for name, offer in actions.offers(incident) if name == "rollback"]
    assert [offer.label for offer in offers] == [f"Roll back to {good}"]
    assert "The migrations since then allow it" in offers[0].effect
    way = actions.way_out("rollback")
    assert way is not None
    assert good in way.take(incident, offers[0].key, "ada")
    assert shop.serves() == good


def test_a_gate_objects_and_can_be_overridden(shop: Shop) -> None:
    class Closed:
        name = "freeze"

        def objects(self, environment: Environment, release: Release) -> Objection | None:
            return Objection("freeze", "it is Friday")

    shop.ship()
    gates.register_gate(Closed())
    try:
        outcome = shop.ship()
        assert outcome.state == DeployState.FAILED
        assert "it is Friday" in outcome.reason
    finally:
        gates.unregister_gate("freeze")


def test_a_critical_incident_holds_deploys_until_somebody_says_why(shop: Shop) -> None:
    incident = moves.open_incident(shop.project, "checkout is broken", Severity.CRITICAL, timezone.now())
    assert "incident" in gates.names()
    shop.good()  # the first: where nothing serves a deploy can break nothing
    held = shop.ship()
    assert held.state == DeployState.FAILED
    assert str(incident) in held.reason
    remedy = door.deploy(shop.build(), shop.where, overrides={"incident": "it is the remedy"})
    assert remedy.state == DeployState.DONE, remedy.reason


def test_an_unproved_checklist_holds_the_first_deploy_and_the_others_only_when_asked(shop: Shop) -> None:
    found = gates.objections(shop.where, shop.build(), {})
    assert found == [], "a project without [readiness] has promised nothing"
    plan = Plan.objects.create(project=shop.project, settings={})
    first = shop.ship()
    assert first.state == DeployState.FAILED
    assert "readiness" in first.reason
    assert "golive check" in first.reason
    assert door.deploy(shop.build(), shop.where, overrides={"readiness": "nobody pays yet"}).well
    assert shop.ship().well
    plan.settings = {"gate": True}
    plan.save()
    assert "readiness" in shop.ship().reason


def test_the_api_tells_and_asks(shop: Shop) -> None:
    shop.ship()
    shop.ship()
    _, reading = tokens.create("r", ["releases:read"])
    _, writing = tokens.create("w", ["releases:write"])
    read, write = (Client(headers={"authorization": f"Bearer {value}"}) for value in (reading, writing))
    (environment,) = read.get("/api/v1/projects/shop/environments").json()
    assert environment["back_is_warm"]
    deploys = read.get("/api/v1/projects/shop/deploys").json()
    assert [one["state"] for one in deploys] == ["done", "done"]
    assert deploys[0]["steps"][-1]["name"] == "settle"
    assert read.post("/api/v1/projects/shop/rollbacks", {}, "application/json").status_code == 403
    assert write.post("/api/v1/projects/shop/rollbacks", {}, "application/json").status_code == 202
    asked = write.post("/api/v1/projects/shop/deploys", {"release": "99"}, "application/json")
    assert asked.status_code == 422

"""acme as its customers and golive see it: sign-ups and payments, telemetry that tells of them, faults."""

import signal
import time

import httpx
import pytest

from tests.acme.collector import Collector
from tests.acme.product import PASSWORD, Person, Product, eventually

pytestmark = [pytest.mark.story]
SERVER = 2


def test_a_customers_life_and_what_the_business_hears_of_it(product: Product, collector: Collector) -> None:
    ada = Person(product, "ada@example.com")
    ada.sign_up()
    ada.submit("/logout", "/app")
    ada.submit("/login", email=ada.email, password=PASSWORD)
    project = ada.submit("/app/projects", "/app", name="Launch").url.path
    ada.submit(f"{project}/tasks", project, title="Write the announcement")
    assert ada.http.get("/app/reports").status_code == 200

    assert "Your card was declined" in ada.subscribe("team", "4000000000000002").text
    ada.subscribe("team")
    eventually(lambda: ada.plan() == "team")
    ada.submit("/billing/plan", "/billing", plan="business")
    assert ada.plan() == "business"
    ada.submit("/billing/plan", "/billing", plan="team")
    assert ada.plan() == "team"
    ada.submit("/billing/cancel", "/billing")
    httpx.post(f"{product.payments.url}/_control/clock", json={"days": 32})
    eventually(lambda: ada.plan() == "free")

    names = [
        "user.signed_up",
        "user.verified",
        "user.logged_in",
        "task.created",
        "report.viewed",
        "subscription.started",
        "subscription.upgraded",
        "subscription.downgraded",
        "subscription.cancelled",
    ]
    eventually(lambda: all(collector.events(name) for name in names))
    assert {name: len(collector.events(name)) for name in names} == dict.fromkeys(names, 1)
    eventually(lambda: collector.events("payment.succeeded"))
    paid = collector.events("payment.succeeded")[0]
    assert (paid["amount_minor"], paid["currency"], paid["user.id"], paid["account.id"]) == (1900, "EUR", "1", "1")
    assert len(paid["trace_id"]) == 32


def test_a_card_that_fails_at_renewal(product: Product, collector: Collector) -> None:
    bob = Person(product, "bob@example.com")
    bob.sign_up()
    bob.subscribe("team", "4000000000000341")
    eventually(lambda: bob.plan() == "team")
    httpx.post(f"{product.payments.url}/_control/clock", json={"days": 32})
    eventually(lambda: collector.events("payment.failed"))
    assert product.mail.wait_for(to=bob.email, subject="did not go through")
    assert "The last payment failed" in bob.http.get("/billing").text


def test_spans_carry_route_and_person_and_metrics_the_pool(product: Product, collector: Collector) -> None:
    eve = Person(product, "eve@example.com")
    eve.sign_up()
    me = str(eve.http.get("/api/me").json()["id"])

    def mine() -> list[dict[str, object]]:
        return [span for span in collector.spans if span["kind"] == SERVER and span.get("http.route") == "/api/me"]

    eventually(lambda: any(span.get("user.id") == me for span in mine()))
    assert mine()[-1]["http.response.status_code"] == 200
    trace = mine()[-1]["trace_id"]
    eventually(lambda: any(span["kind"] != SERVER and span["trace_id"] == trace for span in collector.spans))
    resource = collector.resources[0]
    assert resource["service.name"] == "acme"
    assert resource["service.version"] == "1.2.3"
    assert resource["deployment.environment.name"] == "demo"
    assert collector.authorizations == {"Bearer gli_story"}

    def points(name: str) -> list[dict[str, object]]:
        return [point for point in collector.points if point["name"] == name and point["pool.name"] == "acme"]

    eventually(lambda: points("db.client.connections.usage") and points("db.client.connections.max"))
    assert points("db.client.connections.max")[-1]["value"] == 5
    assert {point["state"] for point in points("db.client.connections.usage")} == {"used", "idle"}


def test_an_error_is_one_thing_in_trace_log_and_error_tracking(product: Product, collector: Collector) -> None:
    product.fault("errors", route="/terms")
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = httpx.get(f"{product.url}/terms", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    product.mend()
    assert answer.status_code == 500
    eventually(lambda: collector.errors)
    (event,) = [error for error in collector.errors if error["contexts"]["trace"]["trace_id"] == trace]
    exception = event["exception"]["values"][-1]
    assert (exception["type"], exception["mechanism"]["handled"]) == ("InjectedError", False)
    assert event["transaction"] == "/terms"
    assert event["release"] == "1.2.3"
    eventually(lambda: [log for log in collector.logs if log["trace_id"] == trace and log["severity"] == "ERROR"])
    eventually(lambda: [span for span in collector.spans if span["trace_id"] == trace and span["kind"] == SERVER])
    (span,) = [span for span in collector.spans if span["trace_id"] == trace and span["kind"] == SERVER]
    assert (span["http.response.status_code"], span["status"], span["http.route"]) == (500, 2, "/terms")


def test_webhook_failures_show_on_their_route_and_are_made_good_by_the_retry(
    product: Product, collector: Collector
) -> None:
    product.fault("webhooks")
    cy = Person(product, "cy@example.com")
    cy.sign_up()
    cy.subscribe("team")

    def failed() -> list[dict[str, object]]:
        spans = [span for span in collector.spans if span.get("http.route") == "/webhooks/payments"]
        return [span for span in spans if span["http.response.status_code"] == 500]

    eventually(failed)
    assert cy.plan() == "free"
    product.mend()
    eventually(lambda: cy.plan() == "team", 30)


def test_a_leak_fills_the_pool_and_makes_it_unhealthy(product: Product, collector: Collector) -> None:
    product.fault("leak")
    eventually(
        lambda: any(
            point["value"] == 5 and point.get("state") == "used"
            for point in collector.points
            if point["name"] == "db.client.connections.usage"
        )
    )
    assert not product.answers()
    product.mend()
    eventually(product.answers)


def test_a_crash_lasts_as_long_as_asked_and_sigterm_ends_cleanly(product: Product) -> None:
    product.fault("crash", seconds=5)  # acme looks every half second, later on a busy machine
    assert product.process.wait(30) == 70
    assert not product.answers()
    time.sleep(5)  # who starts before that ends again
    product.start()
    product.process.send_signal(signal.SIGTERM)
    assert product.process.wait(15) == 0
    product.start()

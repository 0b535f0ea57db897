"""What monitors, browsers and demonstrations rely on."""

import time
from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from fastapi.testclient import TestClient
from sqlalchemy import create_engine

from acme.app import create_app
from acme.models import Base
from acme.settings import Settings
from tests.integration.conftest import Browser

TOKEN = {"Authorization": "Bearer fault-token"}


def test_health_is_the_databases(application: TestClient) -> None:
    assert application.get("/healthz").json()["status"] == "ok"
    assert application.get("/readyz").json()["status"] == "ready"


def test_health_without_a_database_is_503(settings: Settings) -> None:
    broken = Settings(**{**vars(settings), "database_url": "postgresql://x:y@127.0.0.1:1/none", "faults": False})
    with TestClient(create_app(broken)) as client:
        assert client.get("/healthz").status_code == 503
        assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("path", ["/", "/terms", "/privacy", "/support", "/signup", "/login", "/static/acme.css"])
def test_public_pages(application: TestClient, path: str) -> None:
    answer = application.get(path)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_unknown_pages_are_404_in_the_callers_language(application: TestClient) -> None:
    assert "Page not found" in application.get("/nowhere").text
    assert application.get("/api/nowhere").json() == {"error": "Page not found"}


def test_the_schema_is_what_the_models_say(settings: Settings) -> None:
    with create_engine(settings.database_url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_without_permission_faults_do_not_exist(settings: Settings, application: TestClient) -> None:
    assert application.post("/_faults/slow").status_code == 404
    assert application.post("/_faults/slow", headers={"Authorization": "Bearer wrong"}).status_code == 404
    with TestClient(create_app(Settings(**{**vars(settings), "faults": False}))) as client:
        assert client.post("/_faults/slow", headers=TOKEN).status_code == 404


def test_errors_on_a_route_hit_that_route_alone(application: TestClient) -> None:
    settings = {"route": "/terms", "share": 1.0}
    assert application.post("/_faults/errors", headers=TOKEN, json=settings).status_code == 200
    answer = application.get("/terms")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert application.get("/privacy").status_code == 200
    application.delete("/_faults/errors", headers=TOKEN)
    assert application.get("/terms").status_code == 200


def test_a_slow_route_is_slow_for_the_time_that_was_asked(application: TestClient) -> None:
    fault = {"route": "/terms", "delay_seconds": 0.3, "seconds": 0.6}
    application.post("/_faults/slow", headers=TOKEN, json=fault)
    begun = time.monotonic()
    application.get("/terms")
    assert time.monotonic() - begun >= 0.3
    time.sleep(0.7)
    assert application.get("/_faults", headers=TOKEN).json() == {"active": []}


def test_signups_can_be_closed_politely(browser: Browser, application: TestClient) -> None:
    application.post("/_faults/signups", headers=TOKEN)
    answer = application.get("/signup")
    assert answer.status_code == 503
    assert "We are full for the moment" in answer.text


def test_leaked_connections_come_back(application: TestClient) -> None:
    pool = application.app.state.engine.pool  # type: ignore[attr-defined]
    application.post("/_faults/leak", headers=TOKEN, json={"connections": 2})
    _eventually(lambda: pool.checkedout() == 2)
    application.delete("/_faults", headers=TOKEN)
    _eventually(lambda: pool.checkedout() == 0)


def test_webhooks_can_be_made_to_fail(browser: Browser, application: TestClient) -> None:
    application.post("/_faults/webhooks", headers=TOKEN)
    assert application.post("/webhooks/payments", content=b"{}").status_code == 500


@pytest.mark.parametrize("name", ["earthquake", "slow"])
def test_a_wrong_fault_is_explained(application: TestClient, name: str) -> None:
    answer = application.post(f"/_faults/{name}", headers=TOKEN, json={"colour": "red"})
    assert answer.status_code == 422
    assert answer.json()["error"]


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)

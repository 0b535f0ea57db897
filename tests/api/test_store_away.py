"""The API says that the telemetry store is away, with what to do, instead of breaking."""

import pytest
from django.test import Client

from golive.people import keys, tokens
from golive.telemetry import store

READS = [
    "services",
    "services/web/routes",
    "traces",
    f"traces/{'a' * 32}",
    "logs",
    "errors",
    "errors/0123456789abcdef/latest",
    "business",
    "business/events",
]


@pytest.mark.django_db
@pytest.mark.parametrize("path", READS)
def test_a_store_that_is_away_is_503_with_advice(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object, **options: object) -> None:
        raise store.StoreError("The telemetry store is not running; start it with `golive up`.")

    monkeypatch.setattr(store, "connect", away)
    keys.add_project("acme", "Acme")
    _, token = tokens.create("reader", ["*"])
    answer = Client().get(f"/api/v1/projects/acme/{path}", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 503, answer.content
    assert answer.json()["error"] == {
        "code": "unavailable",
        "message": "The telemetry store is not running; start it with `golive up`.",
    }

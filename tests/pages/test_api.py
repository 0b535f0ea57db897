"""The API over a real store: the same answers as the pages, by token and scope."""

from django.test import Client

from golive.changes.models import Change
from golive.errors.models import ErrorGroup
from golive.people import tokens
from golive.people.models import AuditEntry, Project
from golive.telemetry import store


def caller(*scopes: str) -> Client:
    _, value = tokens.create("ci", scopes)
    return Client(headers={"authorization": f"Bearer {value}"})


def test_logs_are_paged_by_cursor_and_a_wrong_query_is_explained(project: Project) -> None:
    api = caller("logs:read")
    first = api.get("/api/v1/projects/acme/logs", {"q": "level:>=info", "since": "24h", "limit": 50}).json()
    again = {"q": "level:>=info", "since": "24h", "limit": 50, "cursor": first["cursor"]}
    second = api.get("/api/v1/projects/acme/logs", again).json()
    assert len(first["lines"]) == len(second["lines"]) == 50
    assert first["lines"][-1]["time"] >= second["lines"][0]["time"]
    refused = api.get("/api/v1/projects/acme/logs", {"q": "colour:red"})
    assert refused.status_code == 422
    assert "no field" in refused.content.decode()
    assert caller("errors:read").get("/api/v1/projects/acme/logs").status_code == 403
    assert Client().get("/api/v1/projects/acme/logs").status_code == 401


def test_services_routes_and_traces(project: Project) -> None:
    api = caller("read")
    services = api.get("/api/v1/projects/acme/services", {"since": "24h"}).json()
    assert [service["name"] for service in services] == ["acme-web"]
    assert services[0]["p95_ms"] > services[0]["p50_ms"] > 0
    routes = api.get("/api/v1/projects/acme/services/acme-web/routes", {"since": "24h"}).json()
    assert {"/checkout", "/tasks"} <= {route["name"] for route in routes}
    slow = api.get("/api/v1/projects/acme/traces", {"since": "24h", "slowest": True, "limit": 5}).json()
    assert [one["duration_ms"] for one in slow] == sorted((one["duration_ms"] for one in slow), reverse=True)
    trace = api.get(f"/api/v1/projects/acme/traces/{slow[0]['trace_id']}").json()
    assert trace["complete"]
    assert trace["spans"]
    assert api.get(f"/api/v1/projects/acme/traces/{'0' * 32}").status_code == 404


def test_errors_are_listed_read_and_resolved(project: Project) -> None:
    api = caller("errors:write")
    found = api.get("/api/v1/projects/acme/errors", {"since": "7d", "sort": "events"}).json()
    name = found[0]["fingerprint"]
    latest = api.get(f"/api/v1/projects/acme/errors/{name}/latest").json()
    assert latest["payload"]["exception"]["values"][0]["type"] == found[0]["type"]
    body = {"action": "resolve-next"}
    done = api.post(f"/api/v1/projects/acme/errors/{name}/state", body, content_type="application/json").json()
    assert (done["state"], done["resolved_by"], done["in_next_release"]) == ("resolved", "token:ci", True)
    assert ErrorGroup.objects.get(fingerprint=name).releases_at_resolve
    assert AuditEntry.objects.filter(action="error.resolve", actor="token:ci").exists()


def test_a_deploy_is_reported_once(project: Project) -> None:
    api = caller("changes:write")
    for title in ("first", "corrected"):
        body = {"release": "9.9.9", "title": title}
        assert api.post("/api/v1/projects/acme/changes", body, content_type="application/json").status_code == 201
    assert [change.title for change in Change.objects.filter(release="9.9.9")] == ["corrected"]
    bad = {"release": "9.9.9", "link": "javascript:alert(1)"}
    assert api.post("/api/v1/projects/acme/changes", bad, content_type="application/json").status_code == 422
    assert api.get("/api/v1/projects/acme/changes").json()[0]["release"] == "9.9.9"


def test_business_figures_match_the_store(project: Project) -> None:
    figures = caller("business:read").get("/api/v1/projects/acme/business").json()["figures"]
    by_name = {figure["name"]: figure["value"] for figure in figures}
    there = store.row(
        "SELECT count() AS n FROM events WHERE project = 'acme' AND name = 'user.signed_up'"
        " AND time >= toStartOfDay(now('UTC'))"
    )["n"]
    assert by_name["signups"] == there
    events = caller("business:read").get("/api/v1/projects/acme/business/events", {"name": "user.signed_up"}).json()
    assert {event["name"] for event in events} <= {"user.signed_up"}

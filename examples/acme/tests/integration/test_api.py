"""The JSON API: keys, contents, walls."""

import re

import pytest

from tests.integration.conftest import Browser


@pytest.fixture
def key(browser: Browser) -> str:
    browser.sign_up()
    return make_key(browser)


def make_key(browser: Browser) -> str:
    found = re.search(r'id="new-key">(acme_[\w-]+)<', browser.post("/team/keys", "/team", name="script").text)
    assert found
    return found[1]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_projects_and_tasks(other: Browser, key: str) -> None:
    client, headers = other.client, bearer(key)
    assert client.get("/api/me", headers=headers).json()["plan"] == "free"
    project = client.post("/api/projects", headers=headers, json={"name": "Launch"}).json()
    made = client.post(f"/api/projects/{project['id']}/tasks", headers=headers, json={"title": "Write"})
    assert made.status_code == 201
    task = made.json()["id"]
    moved = client.patch(f"/api/tasks/{task}", headers=headers, json={"status": "done"}).json()
    assert (moved["status"], moved["done_at"] is None) == ("done", False)
    assert client.get("/api/report", headers=headers).json() == {"open": 0, "done": 1, "overdue": 0}
    assert len(client.get(f"/api/projects/{project['id']}/tasks", headers=headers).json()) == 1
    assert client.delete(f"/api/tasks/{task}", headers=headers).status_code == 204
    assert client.delete(f"/api/projects/{project['id']}", headers=headers).status_code == 204
    assert client.get("/api/projects", headers=headers).json() == []


@pytest.mark.parametrize("headers", [{}, bearer("acme_wrong"), bearer(""), {"Authorization": "Basic eA=="}])
def test_without_a_good_key_there_is_nothing(other: Browser, key: str, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/api/me"), ("GET", "/api/projects"), ("POST", "/api/projects")):
        answer = other.client.request(method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.json() == {"error": "Send an API key."}


def test_a_revoked_key_is_dead(browser: Browser, other: Browser, key: str) -> None:
    browser.post("/team/keys/1/revoke", "/team")
    assert other.client.get("/api/me", headers=bearer(key)).status_code == 401


def test_another_teams_objects_do_not_exist(browser: Browser, other: Browser, key: str) -> None:
    project = browser.client.post("/api/projects", headers=bearer(key), json={"name": "Secret"}).json()["id"]
    task = browser.client.post(f"/api/projects/{project}/tasks", headers=bearer(key), json={"title": "x"}).json()["id"]
    other.sign_up("eve@example.com", "Evil")
    theirs = bearer(make_key(other))
    for method, path, body in (
        ("GET", f"/api/projects/{project}/tasks", None),
        ("POST", f"/api/projects/{project}/tasks", {"title": "x"}),
        ("PATCH", f"/api/tasks/{task}", {"status": "done"}),
        ("DELETE", f"/api/tasks/{task}", None),
        ("DELETE", f"/api/projects/{project}", None),
    ):
        assert other.client.request(method, path, headers=theirs, json=body).status_code == 404, (method, path)


def test_a_browsers_session_reads_but_writes_only_with_the_form_token(browser: Browser) -> None:
    browser.sign_up()
    assert browser.client.get("/api/me").json()["email"] == "ada@example.com"
    assert browser.client.post("/api/projects", json={"name": "x"}).status_code == 401
    headers = {"X-Form-Token": browser.form_token("/app")}
    assert browser.client.post("/api/projects", json={"name": "x"}, headers=headers).status_code == 201


def test_wrong_bodies_are_explained(other: Browser, key: str) -> None:
    answer = other.client.post("/api/projects", headers=bearer(key), json={"name": ""})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["where"] == ["body", "name"]


def test_guessing_keys_is_limited(other: Browser, key: str) -> None:
    codes = [other.client.get("/api/me", headers=bearer("acme_guess")).status_code for _ in range(241)]
    assert codes[0] == 401
    assert 429 in codes  # within one minute of the clock, or the next when it began in between
    assert codes.index(429) >= 120


def test_the_description_names_the_api_alone(other: Browser) -> None:
    paths = other.client.get("/api/openapi.json").json()["paths"]
    assert len(paths) == 5 + 1
    assert all(path.startswith("/api/") for path in paths)

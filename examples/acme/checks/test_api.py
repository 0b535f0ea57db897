"""The JSON API with a key that a member makes: several requests, no browser."""

import re

import httpx
from golive_client.journeys import journey, step

from checks.people import TOKEN, Person, submit


@journey(proves=["product.api", "security.api_key"])
def test_api(api: httpx.Client, member: Person) -> None:
    with step("make a key"):
        submit(api, "/login", email=member.email, password=member.password, next="/team")
        form = TOKEN.search(api.get("/team").text)
        assert form, "the team page has no form"
        shown = api.post("/team/keys", data={"form_token": form[1], "name": "journey"}).text
        key = re.search(r'id="new-key">([^<]+)<', shown)
        assert key, "the page does not show the new key"
        revoke = re.search(r'action="(/team/keys/\d+/revoke)"', shown)
        assert revoke
    sent = {"Authorization": f"Bearer {key[1]}"}
    with step("make a project and a task, and do it"):
        project = api.post("/api/projects", json={"name": "From the API"}, headers=sent)
        assert project.status_code == 201
        place = f"/api/projects/{project.json()['id']}"
        task = api.post(f"{place}/tasks", json={"title": "Call"}, headers=sent).json()
        assert api.patch(f"/api/tasks/{task['id']}", json={"status": "done"}, headers=sent).json()["done_at"]
        assert api.delete(place, headers=sent).is_success
    with step("a revoked key is refused"):
        api.post(revoke[1], data={"form_token": form[1]}).raise_for_status()
        assert api.get("/api/me", headers=sent).status_code == 401

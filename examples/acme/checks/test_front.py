"""A stranger finds the front door, what it costs to be careful, and no way past it: needs no account and no mail."""

import httpx
from golive_client.journeys import journey, step
from playwright.sync_api import Page, expect


@journey(proves="web.front")
def test_front(page: Page, base_url: str, api: httpx.Client) -> None:
    with step("the first page leads to signing up"):
        page.goto(f"{base_url}/")
        expect(page.get_by_text("Know what your team is doing").first).to_be_visible()
        page.get_by_role("navigation").get_by_role("link", name="Sign up").click()
        expect(page.get_by_label("Team name")).to_be_visible()
    with step("members' pages ask for a login"):
        page.goto(f"{base_url}/app")
        expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
    with step("the API answers and lets no stranger in"):
        assert api.get("/api/openapi.json").status_code == 200
        assert api.get("/api/me").status_code == 401

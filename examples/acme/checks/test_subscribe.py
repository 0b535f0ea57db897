"""An owner pays for the first plan, and acme knows it."""

from golive_client.journeys import journey, step
from playwright.sync_api import Page, expect

from checks.people import Person


@journey(proves="billing.subscribe")
def test_subscribe(page: Page, subscribed: Person) -> None:
    with step("see the payment"):
        row = page.get_by_role("row").filter(has_text="19.00")
        for _ in range(40):
            if row.count():
                break
            page.wait_for_timeout(500)
            page.reload()
        expect(row.first).to_contain_text("paid")
        expect(page.get_by_text("Renews on")).to_be_visible()

"""An owner cancels: the plan stays until the paid period ends, and can be kept after all."""

from golive_client.journeys import journey, step
from playwright.sync_api import Page, expect

from checks.people import Person


@journey(proves="billing.cancel")
def test_cancel(page: Page, subscribed: Person) -> None:
    with step("cancel"):
        page.get_by_role("button", name="Cancel the plan").click()
        expect(page.get_by_role("status")).to_contain_text("Your plan ends with the paid period")
        expect(page.get_by_text("Ends on")).to_be_visible()
    with step("keep it"):
        page.get_by_role("button", name="Keep the plan").click()
        expect(page.get_by_text("Renews on")).to_be_visible()
    with step("cancel again"):
        page.get_by_role("button", name="Cancel the plan").click()
        expect(page.get_by_text("Ends on")).to_be_visible()

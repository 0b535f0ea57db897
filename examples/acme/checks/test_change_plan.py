"""An owner moves up a plan and down again."""

from collections.abc import Callable

from golive_client.journeys import journey, step
from playwright.sync_api import Page

from checks.people import Person


@journey(proves="billing.upgrade")
def test_upgrade(page: Page, subscribed: Person, on_plan: Callable[[str], None]) -> None:
    with step("upgrade to Business"):
        page.get_by_role("button", name="Upgrade to Business").click()
        on_plan("Business")


@journey(proves="billing.downgrade")
def test_downgrade(page: Page, subscribed: Person, on_plan: Callable[[str], None]) -> None:
    with step("go to Business"):
        page.get_by_role("button", name="Upgrade to Business").click()
        on_plan("Business")
    with step("come back to Team"):
        page.get_by_role("button", name="Downgrade to Team").click()
        on_plan("Team")

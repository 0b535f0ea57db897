"""A card is declined: acme stays on the free plan, and another card pays."""

from collections.abc import Callable

from golive_client.journeys import journey, step
from playwright.sync_api import Page, expect

from checks.people import CARD, DECLINED, Person


@journey(proves="billing.failed_payment")
def test_failed_payment(
    page: Page,
    base_url: str,
    owner: Person,
    log_in: Callable[[Person], None],
    pay: Callable[[str], None],
    on_plan: Callable[[str], None],
) -> None:
    log_in(owner)
    page.goto(f"{base_url}/billing")
    with step("the card is declined"):
        page.get_by_role("button", name="Upgrade to Team").click()
        pay(DECLINED)
        expect(page.get_by_role("alert")).to_contain_text("declined")
    with step("nothing was sold"):
        checkout = page.url
        on_plan("Free")
    with step("another card pays"):
        page.goto(checkout)
        pay(CARD)
        on_plan("Team")

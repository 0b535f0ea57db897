"""Plans, entitlements and what a change of subscription is called."""

import pytest

from acme.plans import (
    BUSINESS,
    FREE,
    TEAM,
    Change,
    Plan,
    Standing,
    change_between,
    plan_in_force,
    room_for_member,
    room_for_project,
)

TEAM_ON = Standing("team", "active")
TEAM_ENDING = Standing("team", "active", ending=True)
TEAM_LATE = Standing("team", "past_due")
TEAM_OVER = Standing("team", "canceled")
BUSINESS_ON = Standing("business", "active")


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (None, TEAM_ON, Change.STARTED),
        (TEAM_OVER, TEAM_ON, Change.STARTED),
        (TEAM_ON, BUSINESS_ON, Change.UPGRADED),
        (BUSINESS_ON, TEAM_ON, Change.DOWNGRADED),
        (TEAM_ON, TEAM_ENDING, Change.CANCELLED),
        (TEAM_ON, TEAM_OVER, Change.CANCELLED),
        (TEAM_LATE, TEAM_OVER, Change.CANCELLED),
        (TEAM_ENDING, TEAM_OVER, None),
        (TEAM_ENDING, TEAM_ON, None),
        (TEAM_ON, TEAM_LATE, None),
        (TEAM_LATE, TEAM_ON, None),
        (TEAM_ON, TEAM_ON, None),
        (None, TEAM_OVER, None),
        (None, Standing("team", "incomplete"), None),
    ],
)
def test_a_change_has_one_name(before: Standing | None, after: Standing, change: Change | None) -> None:
    assert change_between(before, after) == change


@pytest.mark.parametrize(
    ("standing", "plan"),
    [
        (None, FREE),
        (TEAM_ON, TEAM),
        (TEAM_ENDING, TEAM),
        (TEAM_LATE, TEAM),
        (TEAM_OVER, FREE),
        (BUSINESS_ON, BUSINESS),
        (Standing("team", "unpaid"), FREE),
        (Standing("no such plan", "active"), FREE),
    ],
)
def test_what_may_be_used(standing: Standing | None, plan: Plan) -> None:
    assert plan_in_force(standing) is plan


@pytest.mark.parametrize(
    ("plan", "projects", "fits"),
    [(FREE, 2, True), (FREE, 3, False), (TEAM, 24, True), (TEAM, 25, False), (BUSINESS, 10_000, True)],
)
def test_room_for_projects(plan: Plan, projects: int, fits: bool) -> None:
    assert room_for_project(plan, projects) is fits


@pytest.mark.parametrize(("plan", "members", "fits"), [(FREE, 1, True), (FREE, 2, False), (BUSINESS, 999, True)])
def test_room_for_members(plan: Plan, members: int, fits: bool) -> None:
    assert room_for_member(plan, members) is fits


@pytest.mark.parametrize(("plan", "price"), [(FREE, "Free"), (TEAM, "€19"), (BUSINESS, "€49")])
def test_prices_for_people(plan: Plan, price: str) -> None:
    assert plan.price == price


def test_prices_with_cents() -> None:
    assert Plan("x", "X", "", 1905, 1, 1, 1).price == "€19.05"

"""Settings from the environment."""

import pytest

from acme.settings import Settings, SettingsError

GOOD = {"ACME_DATABASE_URL": "postgresql://x/y", "ACME_SECRET": "s" * 32}


def test_defaults_are_enough_for_a_start() -> None:
    settings = Settings.from_environment(GOOD)
    assert (settings.pool_size, settings.faults, settings.https) == (10, False, False)


def test_everything_can_be_set() -> None:
    more = {"ACME_POOL_SIZE": "3", "ACME_FAULTS": "1", "ACME_FAULTS_TOKEN": "t", "ACME_URL": "https://acme.example"}
    settings = Settings.from_environment(GOOD | more)
    assert (settings.pool_size, settings.faults, settings.https) == (3, True, True)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"ACME_DATABASE_URL": ""}, "ACME_DATABASE_URL is not set"),
        ({"ACME_SECRET": ""}, "ACME_SECRET is not set"),
        ({"ACME_SECRET": "short"}, "at least 32"),
        ({"ACME_POOL_SIZE": "0"}, "ACME_POOL_SIZE"),
        ({"ACME_POOL_SIZE": "many"}, "whole number"),
        ({"ACME_FAULTS": "maybe"}, "neither 1 nor 0"),
        ({"ACME_FAULTS": "1"}, "ACME_FAULTS_TOKEN"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        Settings.from_environment(GOOD | change)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError, match=r"ACME_POOL_SIZE.*ACME_DATABASE_URL.*ACME_SECRET"):
        Settings.from_environment({"ACME_POOL_SIZE": "x"})


@pytest.mark.parametrize(
    ("url", "origin"),
    [("https://api.stripe.com", "https://checkout.stripe.com"), ("http://127.0.0.1:9", "http://127.0.0.1:9")],
)
def test_where_people_pay(url: str, origin: str) -> None:
    assert Settings.from_environment(GOOD | {"ACME_STRIPE_URL": url}).stripe_pay_origin == origin

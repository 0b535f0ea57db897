"""The fixture that says which site the journeys run against."""

import os

import pytest


@pytest.fixture(scope="session")
def base_url(request: pytest.FixtureRequest) -> str:
    """The site's address without a last slash; the test is skipped where none is given."""
    url = request.config.getoption("--journey-url") or os.environ.get("GOLIVE_BASE_URL", "")
    if not url:
        pytest.skip("no site to run against: give --journey-url or GOLIVE_BASE_URL")
    return str(url).rstrip("/")

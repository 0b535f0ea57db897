"""acme's own lint, types and tests, run in its own virtual environment over a throwaway PostgreSQL."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from golive.sandbox.servers import PostgresServer
from tests.acme.conftest import UV

pytestmark = [pytest.mark.story]
MOST_SECONDS = 600


def make(folder: Path, target: str, **environment: str) -> str:
    """Run a target of acme's Makefile and return what it printed."""
    done = subprocess.run(
        ["make", "-C", str(folder), f"UV={UV}", target],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def passed(output: str) -> int:
    """How many tests pytest says have passed, when all have."""
    (summary,) = re.findall(r"^=+ (.*) in [\d.]+s.*=+$", output, re.MULTILINE)
    found = re.fullmatch(r"(\d+) passed(, \d+ warnings?)?", summary)
    assert found, summary
    return int(found[1])


def test_lint_and_types(acme_environment: Path) -> None:
    assert "Success: no issues found" in make(acme_environment, "check")


def test_at_least_60_unit_tests_pass(acme_environment: Path) -> None:
    assert passed(make(acme_environment, "unit")) >= 60


def test_at_least_25_integration_tests_pass(acme_environment: Path) -> None:
    with PostgresServer() as postgres:
        output = make(acme_environment, "integration", ACME_TEST_DATABASE_URL=postgres.create_database("acme"))
    assert passed(output) >= 25

"""The tests of state once more, on a real PostgreSQL: what claims and saves must not depend on SQLite."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from golive.sandbox.servers import PostgresServer

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("people", "jobs", "notify", "oncall", "changes", "alerts", "incidents", "statuspage", "config")
WHICH = "django_db and not story and not browser"
pytestmark = [pytest.mark.story]


def test_state_rooms_pass_on_postgresql(postgres: PostgresServer) -> None:
    folders = [f"tests/{room}" for room in ROOMS if (ROOT / "tests" / room).is_dir()]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "GOLIVE_", "DJANGO_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *folders, "-m", WHICH],
        cwd=ROOT,
        env={**own, "DATABASE_URL": postgres.create_database("golive")},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    print(done.stdout[-400:])
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
    assert " passed" in done.stdout

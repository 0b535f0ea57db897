"""golive killed at every step of a deploy: one whole release serves, and resume or rollback finishes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.story
def test_a_deploy_killed_at_any_step_leaves_one_whole_release_and_can_be_finished() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GOLIVE_", "DJANGO_"))}
    done = subprocess.run(
        [sys.executable, "-m", "tests.releases.killing"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 23
    for row in rows:
        said = json.dumps(row)
        assert row["signal"] == 9, said
        assert row["lock_free"], said
        # While it is a canary two releases serve on purpose, both whole.
        assert len(row["during"]) == 1 or row["point"] in ("left canary", "entered switch"), said
        assert set(row["during"]) <= {*row["before"], row["new"]}, said
        assert row["open"] == 0, said
        if row["point"] == "left settle":  # it had written its end already
            assert (row["state"], row["outcome"]) == ("", ""), said
            assert row["after"] == [row["new"]], said
            continue
        assert row["state"] == "running", said
        if row["finish"] == "resume":
            assert row["outcome"] == "done", said
            assert row["after"] == [row["new"]], said
        else:
            assert row["outcome"] in ("failed", "rolled back"), said
            assert row["incidents"] == 1, said
            assert row["after"] == row["before"], said

"""Jobs in a running golive: output, failure, cancel, timeout, and the worker's death in the middle."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from examples.demo.install import Install

PYTHON = sys.executable


def queue(golive: Install, *command: str, timeout: str = "1m") -> int:
    said = golive.run("jobs", "run", "--timeout", timeout, "--", *command)
    return int(said.split("job ")[1].split(";")[0])


def job(golive: Install, number: int) -> dict[str, Any]:
    listed = [json.loads(line) for line in golive.run("jobs", "list", "--json").splitlines()]
    return next(found for found in listed if found["id"] == number)


def ended(golive: Install, number: int, timeout_seconds: float = 90) -> dict[str, Any]:
    end = time.monotonic() + timeout_seconds
    while (found := job(golive, number))["state"] in ("queued", "running"):
        assert time.monotonic() < end, found
    return found


def test_output_and_exit_code_are_kept(golive_up: Install) -> None:
    done = golive_up.run("jobs", "run", "--wait", "--", PYTHON, "-c", "print('hello from a job')")
    assert "hello from a job" in done
    failed = golive_up.attempt("jobs", "run", "--wait", "--", PYTHON, "-c", "raise SystemExit(7)")
    assert failed.returncode == 1
    assert "exited with 7" in failed.stderr


def test_cancel_and_timeout_end_the_whole_family(golive_up: Install, tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    script = (
        f"import pathlib,time\nwhile True: pathlib.Path({str(mark)!r}).write_text(str(time.time())); time.sleep(.1)"
    )
    slow = queue(golive_up, PYTHON, "-c", script)
    while not mark.exists():
        time.sleep(0.1)
    golive_up.run("jobs", "cancel", str(slow))
    assert ended(golive_up, slow)["state"] == "cancelled"
    last = mark.read_text()
    time.sleep(0.5)
    assert mark.read_text() == last


def test_job_survives_the_death_of_its_worker(golive_up: Install, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    script = (
        f"import pathlib, time; runs = pathlib.Path({str(runs)!r})\n"
        "before = runs.read_text() if runs.exists() else ''\n"
        "runs.write_text(before + 'x'); time.sleep(1 if before else 60)"
    )
    number = queue(golive_up, PYTHON, "-c", script, timeout="2m")
    while not runs.exists():
        time.sleep(0.1)
    golive_up.wait_back("jobs", golive_up.kill("jobs"))
    done = ended(golive_up, number, 120)
    assert (done["state"], done["attempts"]) == ("done", 2)
    assert runs.read_text() == "xx"

"""The front door with real processes."""

import os
import threading
import time
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from golive import journeys
from golive.journeys import Outcome

QUICK = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
HEAD = "import os, time, subprocess, sys\nfrom golive_client.journeys import journey, step\n"
GOOD = """
@journey(proves="shop.env")
def test_knows_little(base_url):
    assert base_url == "http://127.0.0.1:9"
    assert os.environ["CARD"] == "4242"
    assert not [name for name in os.environ if name.startswith(("GOLIVE_DATA", "DJANGO", "PYTEST_XDIST"))]

@journey(proves="shop.buy")
def test_buy():
    with step("pay"):
        assert False, "the card was refused"
"""
SLEEPER = """
@journey(proves="a.b")
def test_sleeps():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    open(os.environ["PID"], "w").write(str(child.pid))
    time.sleep(600)
"""


def test_what_ran_is_told_as_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_DATA", "/private")
    (tmp_path / "test_shop.py").write_text(HEAD + GOOD)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    heard: list[str] = []
    run = journeys.run(
        ["test_shop.py"], "http://127.0.0.1:9", folder=tmp_path, evidence=tmp_path / "out",
        environment={**QUICK, "CARD": "4242"}, marker="abcdef012345", tell=lambda result: heard.append(result.name),
    )  # fmt: skip
    assert (run.outcome, run.reason) == (Outcome.FAILED, "test_buy: the card was refused"), run.output
    assert heard == ["test_knows_little", "test_buy"]
    assert run.proofs == {"shop.env": Outcome.PASSED, "shop.buy": Outcome.FAILED}
    assert run.results[0].trace_id.startswith("abcdef012345")
    assert [(step.name, step.ok) for step in run.failed[0].steps] == [("pay", False)]
    again = journeys.run(
        ["test_shop.py"], "http://127.0.0.1:9", folder=tmp_path, evidence=tmp_path / "out",
        environment={**QUICK, "CARD": "4242"}, proves=["shop.env"],
    )  # fmt: skip
    assert again.passed
    assert len(again.results) == 1


def test_a_run_that_takes_too_long_ends_with_all_it_started(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(HEAD + SLEEPER)
    pid, stop = tmp_path / "pid", threading.Event()

    def wait_then_stop() -> None:
        deadline = time.monotonic() + 60
        while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        stop.set()

    threading.Thread(target=wait_then_stop, daemon=True).start()
    run = journeys.run(
        ["test_it.py"], "http://127.0.0.1:9", folder=tmp_path, evidence=tmp_path / "out",
        environment={**QUICK, "PID": str(pid)}, stop=stop,
    )  # fmt: skip
    assert (run.outcome, run.reason) == (Outcome.UNKNOWN, "stopped before its end")
    child = int(pid.read_text())
    deadline = time.monotonic() + 30
    while psutil.pid_exists(child) and psutil.Process(child).status() != "zombie" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie"


def test_a_time_limit_makes_it_unknown(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import time\ntime.sleep(600)\n")
    run = journeys.run(
        ["test_it.py"],
        "http://127.0.0.1:9",
        folder=tmp_path,
        evidence=tmp_path / "o",
        timeout=timedelta(seconds=1),
        environment=QUICK,
    )
    assert (run.outcome, run.reason) == (Outcome.UNKNOWN, "not done within 1s")


@pytest.mark.parametrize(
    ("file", "said"), [("missing.py", "file or directory not found"), ("test_bad.py", "No module named 'nothing'")]
)
def test_what_cannot_run_is_unknown_and_says_why(tmp_path: Path, file: str, said: str) -> None:
    (tmp_path / "test_bad.py").write_text("import nothing\n")
    run = journeys.run([file], "http://127.0.0.1:9", folder=tmp_path, evidence=tmp_path / "out", environment=QUICK)
    assert run.outcome is Outcome.UNKNOWN
    assert said in run.reason


def test_an_interpreter_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    run = journeys.run(
        ["x.py"], "http://127.0.0.1:9", folder=tmp_path, evidence=tmp_path / "out", python=Path("/nonexistent/python")
    )
    assert run.outcome is Outcome.UNKNOWN
    assert os.path.exists(run.folder)  # noqa: PTH110

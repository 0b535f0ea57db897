"""Facts are durable when `record` returns, and what a crashed process left is loaded by the next of its name."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from golive.telemetry import loader
from golive.telemetry.facts import Facts
from golive.telemetry.loader import Stream, Unavailable

SOURCE = Path(__file__).parents[2] / "src"
CRASHING = """
import os
from golive.telemetry import facts
facts.start_loader("pager")
facts.record("check_results", [{"project": "acme", "ok": True}])
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[dict[str, object]]]]:
    """What a store would have got. The loader's default inserter is bound when the class is made."""
    rows: list[tuple[str, list[dict[str, object]]]] = []

    def insert(stream: Stream, token: str, body: bytes) -> None:
        rows.append((stream.table, [orjson.loads(line) for line in body.splitlines()]))

    monkeypatch.setitem(loader.Loader.__init__.__kwdefaults__, "inserter", insert)
    return rows


def settle(facts: Facts) -> None:
    for one in facts._loaders.values():
        one.spool.seal_when_due(0)
    for _ in range(200):
        if facts.idle():
            return
        facts._loaders[next(iter(facts._loaders))]._stop.wait(0.05)
    raise AssertionError("not loaded in time")


def test_rows_become_json_with_the_time_of_receipt(
    tmp_path: Path, stored: list[tuple[str, list[dict[str, object]]]]
) -> None:
    facts = Facts(tmp_path, "test")
    facts.record(
        "check_results", [{"project": "a", "time": datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)}, {"project": "b"}]
    )
    facts.record("check_results", [])
    settle(facts)
    facts.close()
    [(table, rows)] = stored
    assert (table, rows[0]["time"]) == ("check_results", "2026-01-02T03:04:05.678000Z")
    assert all("received_at" in row for row in rows)


def test_a_crashed_process_is_made_up_for(tmp_path: Path, stored: list[tuple[str, list[dict[str, object]]]]) -> None:
    environment = {**os.environ, "GOLIVE_DATA": str(tmp_path), "PYTHONPATH": str(SOURCE)}
    crashed = subprocess.run([sys.executable, "-c", CRASHING], env=environment, check=False)
    assert crashed.returncode == -signal.SIGKILL
    facts = Facts(tmp_path / "spool", "pager")
    settle(facts)
    facts.close()
    assert [(table, rows[0]["project"]) for table, rows in stored] == [("check_results", "acme")]


def test_two_processes_of_one_name_do_not_share_a_folder(tmp_path: Path) -> None:
    one, two = Facts(tmp_path, "jobs"), Facts(tmp_path, "jobs")
    assert one.folder != two.folder
    one.close()
    two.close()


def test_without_a_store_facts_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(stream: Stream, token: str, body: bytes) -> None:
        raise Unavailable("away")

    monkeypatch.setitem(loader.Loader.__init__.__kwdefaults__, "inserter", away)
    facts = Facts(tmp_path, "pager")
    facts.record("check_results", [{"project": "a"}])
    assert not facts.idle()
    facts.close()
    assert list(tmp_path.glob("facts-pager/check_results/*.segment"))

"""What a run of journeys leaves for golive: a line of JSON for each test, and its evidence in a folder."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from golive_client.journeys.steps import Step


class Unable(Exception):
    """The journey could not be made here (no browser, no mail to read): that says nothing about the site."""


RESULTS = "results.jsonl"
LONGEST_DETAIL = 40_000


@dataclass
class Evidence:
    """A file that shows what a failed journey saw: a screenshot, trace, console or network log."""

    kind: str
    file: str


@dataclass
class Record:
    """One test's result. `outcome` is passed, failed, skipped, or error where it could not be made."""

    test: str
    proves: Sequence[str]
    trace_id: str
    outcome: str = "error"
    seconds: float = 0.0
    reason: str = ""
    detail: str = ""
    steps: Sequence[Step] = ()
    evidence: list[Evidence] = field(default_factory=list)


class Folder:
    """Where results and evidence go."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def write(self, record: Record) -> None:
        """Add one result; a later crash loses none that was written."""
        record.detail = record.detail[-LONGEST_DETAIL:]
        self._line({"result": asdict(record)})

    def close(self, collected: int, exit_status: int) -> None:
        """Say that the run came to its end and how many journeys it had."""
        self._line({"end": {"collected": collected, "exit_status": exit_status}})

    def place(self, test: str, kind: str, suffix: str) -> tuple[Path, Evidence]:
        """A path for a piece of evidence, and its entry."""
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", test.split("::", 1)[-1]).strip("-.")[:80] or "test"
        file = f"{name}.{kind}{suffix}"
        return self.path / file, Evidence(kind, file)

    def _line(self, data: object) -> None:
        with (self.path / RESULTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(data) + "\n")

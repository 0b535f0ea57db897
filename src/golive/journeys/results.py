"""What a run of journeys came to. Reading and judging are pure: they get text and numbers, not a folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from golive.kit.durations import format_duration


class Outcome(StrEnum):
    """What a journey or a whole run says. UNKNOWN proves nothing, and is never taken for PASSED."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Step:
    """A named part of a journey."""

    name: str
    seconds: float
    ok: bool
    reason: str = ""


@dataclass(frozen=True)
class Evidence:
    """A file that a failed journey left: screenshot, trace, console or network."""

    kind: str
    path: Path


@dataclass(frozen=True)
class Result:
    """One journey: `test` is pytest's id, `proves` what it stands for, `trace_id` the trace of all its requests."""

    test: str
    proves: tuple[str, ...]
    outcome: Outcome
    reason: str
    seconds: float
    trace_id: str = ""
    detail: str = ""
    steps: tuple[Step, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    @property
    def name(self) -> str:
        """The test's own name."""
        return self.test.rpartition("::")[2]


@dataclass(frozen=True)
class Results:
    """A whole run. `output` is the end of what pytest wrote; `folder` holds results and evidence."""

    outcome: Outcome
    reason: str
    results: tuple[Result, ...]
    took: timedelta
    folder: Path
    output: str = field(default="", repr=False)

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.PASSED

    @property
    def failed(self) -> list[Result]:
        return [result for result in self.results if result.outcome is Outcome.FAILED]

    @property
    def proofs(self) -> dict[str, Outcome]:
        """Each thing that was to be proved: passed only if every journey for it did; any failure fails it."""
        found: dict[str, set[Outcome]] = {}
        for result in self.results:
            for name in result.proves:
                found.setdefault(name, set()).add(result.outcome)
        order = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED)
        return {name: next(one for one in order if one in outcomes) for name, outcomes in sorted(found.items())}


@dataclass(frozen=True)
class Ended:
    """How the process of a run ended: its exit status (None when it was stopped), and why it was stopped."""

    exit_status: int | None
    stopped: str = ""
    hint: str = ""


def read(lines: Sequence[str], folder: Path) -> tuple[list[Result], int | None]:
    """Results from the lines that the plugin wrote, and how many journeys were collected (None: it did not say)."""
    found: list[Result] = []
    collected: int | None = None
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue  # the process was killed within the line
        if "end" in row:
            collected = int(row["end"]["collected"])
        elif "result" in row:
            found.append(_result(row["result"], folder))
    return found, collected


def _result(row: Mapping[str, Any], folder: Path) -> Result:
    outcome = {"passed": Outcome.PASSED, "failed": Outcome.FAILED}.get(row["outcome"], Outcome.UNKNOWN)
    reason = str(row["reason"])
    if row["outcome"] == "skipped":
        reason = f"skipped: {reason}"
    return Result(
        test=str(row["test"]),
        proves=tuple(row["proves"]),
        outcome=outcome,
        reason=reason,
        seconds=float(row["seconds"]),
        trace_id=str(row["trace_id"]),
        detail=str(row["detail"]),
        steps=tuple(Step(one["name"], one["seconds"], one["ok"], one["reason"]) for one in row["steps"]),
        evidence=tuple(Evidence(one["kind"], folder / Path(one["file"]).name) for one in row["evidence"]),
    )


def judge(results: Sequence[Result], collected: int | None, ended: Ended, took: timedelta) -> tuple[Outcome, str]:
    """The outcome of a run and why: any failure fails it, and what was not fully examined is unknown."""
    failed = [result for result in results if result.outcome is Outcome.FAILED]
    if failed:
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        return Outcome.FAILED, f"{failed[0].name}: {failed[0].reason}{more}"
    if ended.stopped:
        return Outcome.UNKNOWN, ended.stopped
    if collected is None or ended.exit_status not in (0, 1, 5):
        return Outcome.UNKNOWN, ended.hint or f"pytest ended with exit status {ended.exit_status}"
    if collected == 0:
        return Outcome.UNKNOWN, "there is no journey in these files; mark one with @journey(proves=...)"
    open_ = [result for result in results if result.outcome is Outcome.UNKNOWN]
    if open_:
        return Outcome.UNKNOWN, f"{open_[0].name}: {open_[0].reason}"
    if len(results) < collected:
        return Outcome.UNKNOWN, f"only {len(results)} of {collected} journeys came to their end"
    if ended.exit_status != 0:
        return Outcome.UNKNOWN, ended.hint or f"pytest ended with exit status {ended.exit_status}"
    what = "journey passed" if collected == 1 else "journeys passed"
    return Outcome.PASSED, f"{collected} {what} in {format_duration(took)}"

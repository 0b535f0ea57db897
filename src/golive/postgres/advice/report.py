"""What the advisor says: per statement what was found, and what to change, with the proof or the lack of one."""

from dataclasses import dataclass, field
from typing import Any

from golive.postgres.advice.candidate import Candidate
from golive.postgres.advice.catalog import Index
from golive.postgres.advice.traps import Trap


@dataclass
class Finding:
    """A statement and what the advisor has to say about it: `silence` is why no index is advised."""

    key: str
    text: str
    calls: float
    total_ms: float
    reads: str = ""
    silence: str = ""
    traps: list[Trap] = field(default_factory=list)
    verdict: str = ""
    before_ms: float | None = None
    after_ms: float | None = None

    @property
    def mean_ms(self) -> float:
        return self.total_ms / self.calls if self.calls else 0.0


@dataclass
class Change:
    """One change: an index to add or drop, statistics to gather. `stage` predicted, proved or refused."""

    kind: str
    name: str
    table: str
    statement: str
    undo: str
    reason: str
    stage: str
    size_bytes: int = 0
    predicted_ratio: float | None = None
    before_ms: float | None = None
    after_ms: float | None = None
    keys: list[str] = field(default_factory=list)
    candidate: Candidate | None = None
    index: Index | None = None


@dataclass
class Report:
    """The whole answer. Costs are the planner's, times calls."""

    findings: list[Finding]
    changes: list[Change]
    proved: bool
    cost_before: float = 0.0
    cost_after: float = 0.0
    gap: float | None = None
    budget_bytes: int = 0
    explains: int = 0
    rounds: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def advised(self) -> list[Change]:
        """What may be put into a migration: proved only."""
        return [change for change in self.changes if change.stage == "proved"]

    def headline(self) -> str:
        """The answer in one sentence."""
        if not self.findings:
            return "No statement was seen, so nothing can be said: is pg_stat_statements there, and has it run?"
        adds = [change for change in self.changes if change.kind == "add" and change.stage != "refused"]
        drops = [change for change in self.changes if change.kind == "drop" and change.stage != "refused"]
        guesses = sum(change.kind == "statistics" and change.stage != "refused" for change in self.changes)
        if not adds and not drops and not guesses:
            return f"No index to add or drop: {len(self.findings)} statements were looked at."
        parts = [f"{len(adds)} to add" if adds else "", f"{len(drops)} to drop" if drops else ""]
        said = f"{' and '.join(filter(None, parts))} of the indexes" if adds or drops else ""
        gather = f"{guesses} statistics to gather" if guesses else ""
        how = "proved on a clone" if self.proved else "predicted only: name a clone to have them proved"
        return f"{' and '.join(filter(None, [said, gather]))}, {how}."

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        shown = ("kind", "name", "table", "statement", "undo", "reason", "stage", "size_bytes", "predicted_ratio")
        return {
            "headline": self.headline(),
            "proved": self.proved,
            "cost_before": self.cost_before,
            "cost_after": self.cost_after,
            "gap": self.gap,
            "rounds": self.rounds,
            "budget_bytes": self.budget_bytes,
            "seconds": round(self.seconds, 2),
            "notes": self.notes,
            "changes": [
                {name: getattr(change, name) for name in (*shown, "before_ms", "after_ms", "keys")}
                for change in self.changes
            ],
            "findings": [finding_dict(finding) for finding in self.findings],
        }


def finding_dict(finding: Finding) -> dict[str, Any]:
    """A finding for machines and for keeping."""
    return {
        "key": finding.key,
        "text": finding.text[:2000],
        "calls": finding.calls,
        "mean_ms": round(finding.mean_ms, 3),
        "total_ms": round(finding.total_ms, 3),
        "reads": finding.reads,
        "silence": finding.silence,
        "verdict": finding.verdict,
        "before_ms": finding.before_ms,
        "after_ms": finding.after_ms,
        "traps": [{"kind": trap.kind, "problem": trap.problem, "instead": trap.instead} for trap in finding.traps],
    }

"""From what was examined to pass, fail or unknown, with the reason. Unknown is never a pass, nor is nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 (a word)
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong. `subject` is stable and exact, so that a waiver can name it; `place` is "file:line"."""

    subject: str
    text: str
    place: str = ""


@dataclass(frozen=True)
class Doubt:
    """Something that could not be told, and what to do so that it can be."""

    subject: str
    text: str
    next: str = ""


@dataclass
class Report:
    """What one examination saw: so many of the expected subjects, what is wrong, what could not be told."""

    examined: int = 0
    expected: int = 0
    findings: list[Finding] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    exchanges: list[Mapping[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def convict(self, subject: str, text: str, place: str = "") -> None:
        self.findings.append(Finding(subject, text, place))

    def doubt(self, subject: str, text: str, next: str = "") -> None:
        self.doubts.append(Doubt(subject, text, next))

    def absorb(self, other: "Report") -> None:
        """Take over what a part of the examination saw."""
        self.examined += other.examined
        self.expected += other.expected
        self.findings += other.findings
        self.doubts += other.doubts
        self.exchanges += other.exchanges
        self.facts |= other.facts


class CannotTell(Exception):
    """An examination that cannot go on; the message says why, `next` the command that changes it."""

    def __init__(self, subject: str, text: str, next: str = "") -> None:
        super().__init__(text)
        self.doubt = Doubt(subject, text, next)


@dataclass(frozen=True)
class Control:
    """The same examination of a planted target: a bad one must be convicted, a good one acquitted."""

    name: str
    bad: bool
    report: Report

    @property
    def fault(self) -> str:
        """Why the control did not hold; empty when it did."""
        seen = conclude(self.report)
        if self.bad and not self.report.findings:
            return f"the planted bad target ({self.name}) was not convicted"
        if not self.bad and seen.verdict is not Verdict.PASS:
            return f"the planted good target ({self.name}) was not acquitted: {seen.reason}"
        return ""


@dataclass(frozen=True)
class Conclusion:
    """The verdict and why, in one clause."""

    verdict: Verdict
    reason: str


def void(controls: Sequence[Control]) -> str:
    """Why an examination proves nothing; empty when it convicted a bad target and acquitted a good one."""
    if not any(control.bad for control in controls) or all(control.bad for control in controls):
        return "it has no planted bad and good target"
    return next((control.fault for control in controls if control.fault), "")


def conclude(report: Report, controls: Sequence[Control] | None = None, waived: Sequence[str] = ()) -> Conclusion:
    """The verdict on a report. `controls` None judges a control itself; `waived` are subjects that are accepted."""
    if controls is not None and (fault := void(controls)):
        return Conclusion(Verdict.UNKNOWN, f"void: {fault}")
    found = [finding for finding in report.findings if finding.subject not in waived]
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return Conclusion(Verdict.FAIL, f"{found[0].subject}: {found[0].text}{more}")
    if report.doubts:
        more = f" (and {len(report.doubts) - 1} more)" if len(report.doubts) > 1 else ""
        return Conclusion(Verdict.UNKNOWN, f"{report.doubts[0].text}{more}")
    if not report.examined:
        return Conclusion(Verdict.UNKNOWN, "nothing was examined")
    if report.examined < report.expected:
        return Conclusion(Verdict.UNKNOWN, f"only {report.examined} of {report.expected} were examined")
    waiving = f", {len(report.findings)} waived" if report.findings else ""
    return Conclusion(Verdict.PASS, f"{report.examined} of {report.expected} examined, nothing wrong{waiving}")

"""Running items: prove the examination on planted targets, examine the subject, conclude. No item can end a run."""

import hashlib
import logging
import platform
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import orjson

from golive import __version__
from golive.readiness.exchange import hide
from golive.readiness.item import Item, Subject
from golive.readiness.verdict import CannotTell, Conclusion, Control, Report, Verdict, conclude

logger = logging.getLogger(__name__)
_AT_ONCE = 3
_MOST_LISTED = 200


@dataclass(frozen=True)
class Result:
    """An item's outcome with everything that backs it."""

    item: Item
    subject: Subject
    report: Report
    controls: Sequence[Control]
    inputs: Mapping[str, str]
    waived: Sequence[str]
    started_at: datetime
    ended_at: datetime

    @property
    def conclusion(self) -> Conclusion:
        return conclude(self.report, self.controls, self.waived)

    def document(self) -> dict[str, Any]:
        """All of it as JSON, for keeping and for the evidence bundle."""
        concluded = self.conclusion
        return {
            "item": self.item.key,
            "title": self.item.title,
            "project": self.subject.project,
            "place": self.subject.place.value,
            "target": hide(self.subject.url),
            "release": self.subject.release,
            "commit": self.subject.commit,
            "started_at": self.started_at.isoformat(),
            "ended_at": self.ended_at.isoformat(),
            "expires_at": (self.ended_at + self.item.lasts).isoformat(),
            "tools": tools(self.item.tools),
            "inputs": dict(self.inputs),
            "verdict": concluded.verdict.value,
            "reason": concluded.reason,
            "examined": self.report.examined,
            "expected": self.report.expected,
            "findings": [asdict(finding) for finding in self.report.findings[:_MOST_LISTED]],
            "findings_total": len(self.report.findings),
            "doubts": [asdict(doubt) for doubt in self.report.doubts[:_MOST_LISTED]],
            "waived": sorted(self.waived),
            "controls": [
                {"name": one.name, "bad": one.bad, "examined": one.report.examined, "fault": one.fault}
                for one in self.controls
            ],
            "facts": self.report.facts,
            "exchanges": list(self.report.exchanges),
        }


def tools(names: Sequence[str]) -> dict[str, str]:
    """The versions of what the verdict was reached with."""
    known = {"golive": __version__, "python": platform.python_version()}
    for name in names:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            known[name] = "not installed"
    return known


def canonical(document: Any) -> bytes:
    """One spelling for each document, so that its hash means something."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def digest(previous: str, document: Any) -> str:
    return hashlib.sha256(previous.encode() + b"\n" + canonical(document)).hexdigest()


def examine(item: Item, subject: Subject, waived: Sequence[str] = ()) -> Result:
    """Run one item; whatever goes wrong in it makes its verdict unknown, never the run fail."""
    started = datetime.now(UTC)
    controls: list[Control] = []
    report, inputs = Report(), {"none": "not read"}
    try:
        inputs = dict(item.inputs(subject))
        controls = item.controls()
        report = item.examine(subject)
    except CannotTell as error:
        report.doubts.append(error.doubt)
        controls = controls or [skipped(True), skipped(False)]
    except Exception as error:
        logger.exception("readiness item %s broke", item.key)
        words = hide(f"{type(error).__name__}: {error}")[:300]
        report.doubt(item.key, f"the examination itself broke ({words})", "golive check " + item.key)
        controls = controls or [skipped(True), skipped(False)]
    return Result(item, subject, report, controls, inputs, waived, started, datetime.now(UTC))


def skipped(bad: bool) -> Control:
    """Stands for controls that were never reached; the doubt beside it keeps the verdict unknown."""
    report = Report(examined=1, expected=1)
    if bad:
        report.convict("control", "not reached")
    return Control("not reached", bad, report)


Told = Callable[[Item, Result | None], None]


def examine_all(
    items: Sequence[Item],
    subject_for: Callable[[Item], Subject],
    waived_for: Callable[[Item], Sequence[str]],
    told: Told,
) -> list[Result]:
    """Run items, those that disturb others last and by themselves; `told` hears of each beginning and end."""
    results: dict[str, Result] = {}

    def one(item: Item) -> Result:
        told(item, None)
        return examine(item, subject_for(item), waived_for(item))

    together = [item for item in items if not item.alone]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = {pool.submit(one, item): item for item in together}
        for future in as_completed(running):
            results[running[future].key] = future.result()
            told(running[future], future.result())
    for item in (item for item in items if item.alone):
        results[item.key] = one(item)
        told(item, results[item.key])
    return [results[item.key] for item in items]


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """0 all pass, 1 something fails, 2 nothing fails but something is unknown (or nothing was asked)."""
    if Verdict.FAIL in verdicts:
        return 1
    return 0 if verdicts and set(verdicts) == {Verdict.PASS} else 2

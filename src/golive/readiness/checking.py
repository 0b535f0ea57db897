"""One `golive check`: which items, which proofs still count, the run, the waivers, and the exit code."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from golive.people.models import Project
from golive.readiness import records, waivers
from golive.readiness.item import Item, Place, Subject
from golive.readiness.items import ITEMS
from golive.readiness.models import Proof
from golive.readiness.runner import Result, Told, examine_all, exit_code, skipped
from golive.readiness.subjects import maker
from golive.readiness.verdict import Doubt, Report, Verdict
from golive.readiness.waivers import Waiver, WaiverError

WRONG = 3


class WrongItem(ValueError):
    """There is no such item; the message lists those that there are."""


@dataclass
class Checked:
    """What a run came to: a document for each item, and what is wrong with waivers."""

    documents: list[Mapping[str, Any]] = field(default_factory=list)
    reused: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        if self.problems:
            return WRONG
        return exit_code([Verdict(document["verdict"]) for document in self.documents])


def chosen(names: Sequence[str]) -> list[Item]:
    """The items meant by names, "security" or "launch"; all for none. Raises WrongItem."""
    wanted = list(names) or list(ITEMS)
    unknown = [name for name in wanted if name not in ITEMS and name not in ("security", "launch")]
    if unknown:
        raise WrongItem(f"there is no item {unknown[0]!r}; there are {', '.join(ITEMS)}, security and launch")
    return [item for key, item in ITEMS.items() if key in wanted or item.area in wanted]


def check(
    project: Project,
    items: Sequence[Item],
    now: datetime,
    told: Told,
    *,
    source: Path | None = None,
    target: Place | None = None,
    reuse: bool = False,
) -> Checked:
    """Run the items and keep their proofs. With `reuse`, proofs that still count are taken as they are.

    Raises SubjectError for a configuration that makes no sense.
    """
    subject_for = maker(project, now, source=source, target=target)
    done = Checked()
    try:
        accepted = _waivers(subject_for(items[0]), now)
    except WaiverError as error:
        accepted, done.problems = [], str(error).splitlines()
    standing = _standing(project, items, subject_for, now) if reuse else {}
    fresh = [item for item in items if item.key not in standing]
    runnable = [item for item in fresh if not _forbidden(item, subject_for(item))]
    results = {
        result.item.key: result
        for result in examine_all(runnable, subject_for, lambda item: waivers.waived(accepted, item.key), told)
    }
    verdicts = {key: result.conclusion.verdict.value for key, result in results.items()}
    found: dict[str, list[str]] = {}
    for item in items:
        if item.key in standing:
            done.documents.append(standing[item.key].document)
            done.reused[item.key] = f"proved {standing[item.key].ended_at:%d %b %H:%M}"
        elif item.key in results:
            result = _settled(results[item.key], accepted, verdicts)
            found[item.key] = [finding.subject for finding in result.report.findings]
            done.documents.append(records.keep(project, result).document)
        else:
            done.documents.append(_unasked(item, subject_for(item), now))
    done.problems += waivers.unused(accepted, found)
    return done


def _waivers(subject: Subject, now: datetime) -> list[Waiver]:
    if subject.source is None:
        return []
    return waivers.read(subject.source / waivers.FILE, list(ITEMS), now.date())


def _settled(result: Result, accepted: Sequence[Waiver], verdicts: Mapping[str, str]) -> Result:
    """With only those waivers whose compensating item passed in the same run."""
    return replace(result, waived=waivers.waived(accepted, result.item.key, verdicts))


def _standing(
    project: Project, items: Sequence[Item], subject_for: Callable[[Item], Subject], now: datetime
) -> dict[str, Proof]:
    newest = records.newest(project)
    found = {}
    for item in items:
        line = records.line(item, newest.get(item.key), subject_for(item), now)
        if line.proof is not None and line.verdict is not Verdict.UNKNOWN:
            found[item.key] = line.proof
    return found


def _forbidden(item: Item, subject: Subject) -> bool:
    """State-changing probes never go to production."""
    return item.changes and subject.place is Place.PRODUCTION


def _unasked(item: Item, subject: Subject, now: datetime) -> Mapping[str, Any]:
    report = Report(
        doubts=[
            Doubt(
                item.key,
                "its probes change state, so they do not go to production",
                f"golive check {item.key} --target preview",
            )
        ]
    )
    document: Mapping[str, Any] = Result(
        item, subject, report, [skipped(True), skipped(False)], {}, (), now, now
    ).document()
    return document

"""Proving flows by the user's own journeys: each thing to be proved needs a journey that passes now."""

import tempfile
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path

from golive import journeys
from golive.journeys import Outcome, Results
from golive.kit import synthetic
from golive.people.secrets import is_reference
from golive.readiness.exchange import hide
from golive.readiness.item import Subject, opened
from golive.readiness.verdict import CannotTell, Control, Report

PATIENCE = timedelta(minutes=4)


def judge(results: Results, proves: Sequence[str]) -> Report:
    """Each name is passed, failed, or without proof."""
    report, proofs = Report(expected=len(proves)), results.proofs
    for name in proves:
        mine = [one for one in results.results if name in one.proves]
        outcome = proofs.get(name)
        if outcome is None:
            why = results.reason if not results.results and results.reason else f"no journey proves {name}"
            report.doubt(name, hide(why), f'mark one with @journey(proves="{name}")')
            continue
        failed = next((one for one in mine if one.outcome is not Outcome.PASSED), None)
        if failed is not None and outcome is Outcome.UNKNOWN:
            report.doubt(name, f"{failed.name} could not tell: {hide(failed.reason)[:200]}", "golive check")
            continue
        report.examined += 1
        if failed is not None:
            step = next((one.name for one in failed.steps if not one.ok), "")
            report.convict(name, f"{failed.name} failed{f' at {step!r}' if step else ''}: {hide(failed.reason)[:200]}")
    report.facts["journeys"] = [
        {"test": one.test, "proves": list(one.proves), "outcome": one.outcome, "seconds": round(one.seconds, 1)}
        for one in results.results
    ]
    return report


def examine_proofs(subject: Subject, proves: Sequence[str]) -> Report:
    """Run the journeys of these proofs against the target. Raises CannotTell when none is declared."""
    files: list[str] = getattr(subject.wanted, "journeys", [])
    given: dict[str, str] = getattr(subject.wanted, "journeys_environment", {})
    if not files:
        raise CannotTell("journeys", "no journeys are declared", "set [readiness] journeys to a folder of them")
    environment = {name: opened(one, name) if is_reference(one) else one for name, one in given.items()}
    with tempfile.TemporaryDirectory(prefix="golive-proof-") as evidence:
        results = journeys.run(
            files,
            subject.site().url,
            folder=subject.folder(),
            evidence=Path(evidence),
            proves=proves,
            environment=environment,
            marker=synthetic.marker(),
            timeout=PATIENCE,
        )
    return judge(results, proves)


@cache  # the runner is the same for all items of a process, which makes one run
def controls() -> tuple[Control, ...]:
    """Journeys run by the same runner: one that finds a broken product, and one that passes."""
    head = "from golive_client.journeys import journey\n"
    test = '\n\n@journey(proves="control.{0}")\ndef test_{0}() -> None:\n    assert "Welcome" in "{1}"\n'
    with tempfile.TemporaryDirectory(prefix="golive-planted-") as folder:
        file = Path(folder) / "test_planted.py"
        file.write_text(head + test.format("bad", "Something broke") + test.format("good", "Welcome back"))
        results = journeys.run([file.name], "http://127.0.0.1:9", folder=Path(folder), evidence=Path(folder) / "out")
    return (
        Control("a journey that fails", True, judge(results, ["control.bad"])),
        Control("a journey that passes", False, judge(results, ["control.good"])),
    )

"""A load test from beginning to end: the generator's process, what is watched beside it, the answer, its record."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from django.utils import timezone

from golive.kit import synthetic
from golive.people.models import Project
from golive.pipelines.load.aim import Aim
from golive.pipelines.load.answer import Answer, Before, answer
from golive.pipelines.load.cause import Cause, cause
from golive.pipelines.load.climb import Level, Target, broken
from golive.pipelines.load.section import LoadSection
from golive.pipelines.load.watch import Watch, evidence
from golive.pipelines.models import LoadTest

TELEMETRY_SECONDS = 12.0  # so long the last spans and metrics may be on their way
Tell = Callable[[str], None]


class LoadError(Exception):
    """The load test cannot be made; the message says what to do."""

    exit_code = 2


@dataclass
class Span:
    """A level and when it was held, in seconds since 1970."""

    level: Level
    since: float
    until: float


def run(project: Project, aim: Aim, section: LoadSection, folder: Path, *, by: str, tell: Tell) -> LoadTest:
    """Make the test and keep it. Raises LoadError."""
    if find_spec("locust") is None:
        raise LoadError("Locust is not installed here: pip install 'golive[load]'.")
    target = Target(section.p95.total_seconds() * 1000, section.errors)
    began = timezone.now()
    spans: list[Span] = []
    with Watch(aim.database, aim.here) as watch:
        stopped = _climb(_orders(aim, section, folder, target), spans, target, tell)
        found = _cause(project, aim, spans, target, watch, tell)
    levels = [one.level for one in spans]
    said = answer(levels, target, found, wanted=section.wanted, before=before(project, aim), stopped=stopped)
    return _kept(project, aim, target, began, levels, found, said, by)


def before(project: Project, aim: Aim) -> Before | None:
    """The last test of another release (or, where releases are not known, the last of the same address)."""
    known = LoadTest.objects.filter(project=project).exclude(verdict="unknown")
    last = known.exclude(release=aim.release).exclude(release="").first() if aim.release else None
    last = last or (known.filter(release="", host=aim.host).first() if not aim.release else None)
    return Before(last.release, last.held, last.broke) if last else None


def _orders(aim: Aim, section: LoadSection, folder: Path, target: Target) -> dict[str, Any]:
    file = folder / section.file if section.file else None
    if file is not None and not file.is_file():
        raise LoadError(f"There is no {file}: [load] file names a locustfile of the repository.")
    return {
        "host": aim.host,
        "headers": aim.headers,
        "lead": aim.lead,
        "own_certificate": aim.own_certificate,
        "paths": section.paths,
        "file": str(file.resolve()) if file else "",
        "think": section.think.total_seconds(),
        "hold": section.hold.total_seconds(),
        "first": section.first,
        "most": section.most,
        "target": asdict(target),
        "marker": synthetic.marker(),
    }


def _climb(orders: dict[str, Any], spans: list[Span], target: Target, tell: Tell) -> str:
    """Run the generator; why it was stopped early, or nothing. Interrupting keeps what was measured."""
    with tempfile.TemporaryFile("w+", errors="replace") as complaints:  # a pipe that nobody reads fills up and stops it
        return _driven(orders, spans, target, tell, complaints)


def _driven(orders: dict[str, Any], spans: list[Span], target: Target, tell: Tell, complaints: IO[str]) -> str:
    clean = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "SSL_CERT_FILE", "TMPDIR")}
    popen = subprocess.Popen(
        [sys.executable, "-m", "golive.pipelines.load.driver"],
        env={**clean, "PYTHONUNBUFFERED": "1", "LOCUST_SKIP_MONKEY_PATCH": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        text=True,
        start_new_session=True,
    )
    assert popen.stdin is not None  # noqa: S101
    assert popen.stdout is not None  # noqa: S101
    try:
        with contextlib.suppress(BrokenPipeError):
            popen.stdin.write(json.dumps(orders))
            popen.stdin.close()
        for line in popen.stdout:
            _heard(json.loads(line), spans, target, tell)
    except KeyboardInterrupt:
        return "by hand"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL if popen.poll() is None else 0)
        popen.wait()
    if popen.returncode and not spans:
        complaints.seek(0)
        said = complaints.read().strip()
        raise LoadError(f"The load generator ended: {said.splitlines()[-1] if said else popen.returncode}")
    return f"the generator ended with {popen.returncode}" if popen.returncode else ""


def _heard(said: dict[str, Any], spans: list[Span], target: Target, tell: Tell) -> None:
    if "level" not in said:
        return
    level = Level(**said["level"])
    spans.append(Span(level, said["from"], said["until"]))
    p95 = f"{level.p95_ms:7.0f} ms" if level.p95_ms is not None else "   no answer"
    why = broken(level, target)
    tell(
        f"{level.users:5} users  {level.per_second:8.1f} requests/s  p95 {p95}  {level.error_share:6.1%} failed"
        + (f"  breaks: {why}" if why else "")
    )


def _cause(project: Project, aim: Aim, spans: list[Span], target: Target, watch: Watch, tell: Tell) -> Cause | None:
    """Why it broke, from the level with the fewest users that did and those above."""
    bad = [one for one in spans if broken(one.level, target)]
    if not bad:
        return None
    tell("looking for what gave way ...")
    time.sleep(TELEMETRY_SECONDS)
    causes = [
        cause(evidence(project.slug, aim.environment, one.level, one.since, one.until, watch))
        for one in sorted(bad, key=lambda one: one.level.users)
    ]
    return next((one for one in causes if one.known), causes[0])


def _kept(
    project: Project,
    aim: Aim,
    target: Target,
    began: Any,
    levels: list[Level],
    found: Cause | None,
    said: Answer,
    by: str,
) -> LoadTest:
    return LoadTest.objects.create(
        project=project,
        host=aim.host,
        environment=aim.environment,
        release=aim.release,
        requested_by=by,
        began_at=began,
        ended_at=timezone.now(),
        p95_ms=target.p95_ms,
        errors=target.errors,
        levels=[asdict(one) for one in sorted(levels, key=lambda one: one.users)],
        verdict=said.verdict,
        sentence=said.sentence[:1000],
        held=said.held,
        broke=said.broke,
        cause=found.name if found else "",
        cause_reason=found.reason[:1000] if found else "",
    )

"""Before and after the commands of one step: its key, its workspace, its servers; what it made, and its results."""

import contextlib
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from golive.pipelines import collect, isolate, work
from golive.pipelines.cache import Cache, Kept
from golive.pipelines.coverage import share_covered
from golive.pipelines.isolate import Cell, Level
from golive.pipelines.junit import Case, ReportError, cases
from golive.pipelines.key import Key, explained, told
from golive.pipelines.mask import Mask
from golive.pipelines.plan import PlannedStep
from golive.pipelines.services import Services
from golive.pipelines.stages import Stage
from golive.pipelines.tree import Repository

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")


@dataclass(frozen=True)
class Settings:
    """What all steps of a run share."""

    project: str
    repository: Repository
    tree: str
    cache: Cache
    level: Level
    place: work.Place
    trusted: bool = True
    fresh: bool = False  # take no result from the cache
    secret: Callable[[str], str] = lambda name: ""  # its value; raises when there is none
    secret_mark: Callable[[str], str] = lambda name: ""  # changes when the value does, tells nothing of it
    artifacts: Path | None = None  # where artifacts of the run are kept
    run: str = "this run"
    told: dict[str, str] = field(default_factory=dict)  # variables that earlier stages give: the preview's address


@dataclass
class Prepared:
    """A step that is ready to run, or whose result was found."""

    step: PlannedStep
    key: Key
    key_reason: str
    kept: Kept | None = None
    cell: Cell | None = None
    services: Services | None = None
    scripts: list[tuple[str, list[str], dict[str, str]]] = field(default_factory=list)  # name, argv, environment
    mask: Mask = field(default_factory=lambda: Mask([]))
    prepare_seconds: float = 0.0
    services_seconds: float = 0.0


@dataclass
class Made:
    """What a step left behind."""

    tests: list[Case] = field(default_factory=list)
    coverage: float | None = None
    artifacts: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    kept: Kept | None = None


_making = threading.Lock()
_shared_locks: dict[str, threading.Lock] = {}


def prepare(step: PlannedStep, below: Mapping[str, tuple[PlannedStep, str]], settings: Settings) -> Prepared:
    """Find the step's result, or make everything ready for its commands. `below`: needed steps with their keys."""
    began = time.monotonic()
    marks = {f"secret {name}": settings.secret_mark(name) for name in step.secrets}
    feeding = {name: key for name, (needed, key) in below.items() if needed.outputs}
    key = step.key({**feeding, **marks})
    name = f"{settings.project}-{step.name}"
    reasons = explained(key.parts, settings.cache.remembered(name))
    prepared = Prepared(step, key, told(reasons) if reasons else "nothing changed")
    kept = settings.cache.get(key.digest) if step.cacheable and not settings.fresh else None
    if kept is not None and (step.stage is not Stage.SETUP or work.shared(key.digest).is_dir() or not step.outputs):
        prepared.kept, prepared.prepare_seconds = kept, time.monotonic() - began
        return prepared
    settings.cache.remember(name, key.parts)
    folder = settings.place.cell(step.name)
    try:
        _fill(prepared, folder, below, settings)
    except BaseException:
        discard(prepared)
        work.discard(folder)
        raise
    prepared.prepare_seconds = time.monotonic() - began - prepared.services_seconds
    return prepared


def _fill(prepared: Prepared, folder: Path, below: Mapping[str, tuple[PlannedStep, str]], settings: Settings) -> None:
    step = prepared.step
    stranger = () if settings.trusted else ("stranger", folder.name)
    uid = isolate.uid_for(settings.project, step.name.split("#")[0], *stranger)
    for part in ("work", "home", "reports"):
        (folder / part).mkdir()
    settings.repository.export(settings.tree, folder / "work")
    mounts: list[tuple[Path, str]] = []
    for needed, key in below.values():
        if needed.stage is Stage.SETUP:
            mounts += [(work.shared(key) / output, output) for output in needed.outputs]
        elif needed.outputs and (kept := settings.cache.get(key)) is not None:
            collect.unpack(kept.outputs, folder / "work")
    caches = work.caches(settings.project, step.name, uid) if settings.trusted else None
    cell = Cell(folder, uid, isolate.readable(), tuple(mounts), caches)
    prepared.cell = cell
    _place_shared(cell, settings.level)
    _take_caches(step, cell)
    _start_services(prepared, folder, settings)
    secrets = {name: settings.secret(name) for name in step.secrets}
    variables = prepared.services.variables if prepared.services else {}
    given = {name: _filled(value, variables) for name, value in step.environment.items()}
    prepared.mask = Mask([*secrets.values()])
    told_to = isolate.environment(
        settings.level, cell, {**settings.told, **variables, **given, **secrets}, trusted=settings.trusted
    )
    work.hand_over(folder, uid)
    if step.prepare and prepared.services:
        template = prepared.services.template_url()
        changed = {"POSTGRES_URL": template}
        filled = {name: _filled(value, {**variables, **changed}) for name, value in step.environment.items()}
        own = isolate.environment(
            settings.level, cell, {**variables, **changed, **filled, **secrets}, trusted=settings.trusted
        )
        prepared.scripts.append(("prepare", isolate.command(settings.level, cell, script(step.prepare)), own))
    prepared.scripts.append(("run", isolate.command(settings.level, cell, script(step.commands)), told_to))


def _place_shared(cell: Cell, level: Level) -> None:
    """Where a mount point must exist, make it; without mounts, a link to the shared folder serves."""
    boxed = cell.inside(level) == isolate.WORKSPACE
    for outside, place in cell.mounts:
        target = cell.folder / "work" / place
        if target.is_symlink() or target.is_file():
            target.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        if not boxed:
            target.symlink_to(outside)
        elif outside.is_dir():
            target.mkdir(exist_ok=True)
        else:
            target.touch()


def _take_caches(step: PlannedStep, cell: Cell) -> None:
    """Move the kept folders of tools into the workspace; another run at the same time begins without."""
    if cell.caches is None:
        return
    for number, name in enumerate(step.caches):
        with contextlib.suppress(OSError):
            (cell.caches / f"kept-{number}").rename(cell.folder / "work" / name)


def _start_services(prepared: Prepared, folder: Path, settings: Settings) -> None:
    began = time.monotonic()
    if prepared.step.services:
        prepared.services = Services(prepared.step.services, settings.place.server(folder.name))
        prepared.services.start()
        prepared.services_seconds = time.monotonic() - began


def script(commands: Sequence[str]) -> list[str]:
    """The shell's argv for commands that are shown and run in order until one fails."""
    lines = ["umask 022", "set -e"]
    for command in commands:
        shown = command.replace("'", "'\\''")
        lines += [f"printf '%s\\n' '$ {shown}'", command]
    return ["/bin/sh", "-c", "\n".join(lines)]


def _filled(text: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: variables.get(found[1] or found[2], found[0]), text)


def gather(prepared: Prepared, settings: Settings, *, passed: bool, log: Path | None, seconds: float) -> Made:
    """Collect reports and artifacts; when the step passed, keep its result and outputs. Then remove its workspace."""
    made = Made()
    cell, step = prepared.cell, prepared.step
    assert cell is not None  # noqa: S101
    try:
        place = cell.folder / "work"
        _read_reports(made, step, cell)
        if settings.artifacts is not None and step.artifacts:
            made.artifacts = _keep_artifacts(place, step, settings.artifacts)
        if passed:
            _keep(made, prepared, settings, log, seconds)
        _give_back_caches(step, cell)
    finally:
        discard(prepared)
    return made


def _read_reports(made: Made, step: PlannedStep, cell: Cell) -> None:
    reports = [(cell.folder / "reports", path) for path in collect.found(cell.folder / "reports", ["*.xml"])]
    reports += [(cell.folder / "work", path) for path in collect.found(cell.folder / "work", step.junit)]
    for place, path in reports:
        content = collect.read(place, path)
        try:
            made.tests += cases(content) if content is not None else []
        except ReportError as error:
            made.complaints.append(f"{path} is no JUnit report: {error}")
    for path in collect.found(cell.folder / "work", step.coverage):
        content = collect.read(cell.folder / "work", path)
        made.coverage = share_covered(content) if content is not None else made.coverage


def _keep_artifacts(place: Path, step: PlannedStep, target: Path) -> list[str]:
    names = []
    for path in collect.found(place, step.artifacts):
        content = collect.read(place, path, collect.LARGEST_FILE)
        if content is not None:
            (target / step.name / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (target / step.name / path).write_bytes(content)
            names.append(f"{step.name}/{path}")
    return names


def _keep(made: Made, prepared: Prepared, settings: Settings, log: Path | None, seconds: float) -> None:
    step, key = prepared.step, prepared.key.digest
    assert prepared.cell is not None  # noqa: S101
    place = prepared.cell.folder / "work"
    draft = settings.cache.draft(key)
    if step.stage is Stage.SETUP:
        made.complaints += _share(place, step, key)
    elif step.outputs and not collect.pack(place, step.outputs, draft / "outputs.tar"):
        made.complaints.append(f"no file fits outputs = {list(step.outputs)}")
    if log is not None and log.exists():
        shutil.copyfile(log, draft / "log")
    counts = {"passed": sum(case.result == "passed" for case in made.tests), "all": len(made.tests)}
    made.kept = settings.cache.put(draft, key, seconds=seconds, run=settings.run, tests=counts)


def _share(place: Path, step: PlannedStep, key: str) -> list[str]:
    """Move what a set-up made to where all steps can read it and none can change it."""
    if missing := [name for name in step.outputs if not (place / name).exists() or (place / name).is_symlink()]:
        return [f"it did not make {', '.join(missing)}"]
    target = work.shared(key)
    with _making:
        lock = _shared_locks.setdefault(key, threading.Lock())
    with lock:
        draft = target.with_name(f".{target.name}.{os.getpid()}.{time.monotonic_ns()}")
        draft.mkdir(mode=0o755)
        for name in step.outputs:
            (draft / name).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            (place / name).rename(draft / name)
        work.hand_over(draft, os.geteuid())
        try:
            draft.rename(target)
        except OSError:  # another run made the same
            shutil.rmtree(draft, ignore_errors=True)
    return []


def _give_back_caches(step: PlannedStep, cell: Cell) -> None:
    if cell.caches is None:
        return
    for number, name in enumerate(step.caches):
        source, target = cell.folder / "work" / name, cell.caches / f"kept-{number}"
        if source.is_dir() and not source.is_symlink():
            shutil.rmtree(target, ignore_errors=True)
            with contextlib.suppress(OSError):
                source.rename(target)


def discard(prepared: Prepared) -> None:
    """Stop the servers and remove the workspace."""
    if prepared.services is not None:
        prepared.services.stop()
        prepared.services = None
    if prepared.cell is not None:
        work.discard(prepared.cell.folder)

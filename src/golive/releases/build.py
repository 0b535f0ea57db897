"""Builds a release: a copy of the source, its dependencies or bundle beside it, never changed afterwards."""

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max
from pydantic import ValidationError

from golive.people.models import Project
from golive.releases import apart, lock, runtime
from golive.releases.commandline import Tell
from golive.releases.errors import BuildError
from golive.releases.host.place import place
from golive.releases.models import Release, ReleaseState
from golive.releases.section import kept
from golive.releases.settings import DeploySection

LEFT_OUT = (".git", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")
KEPT_LOG = 200_000
GRACE = timedelta(seconds=10)  # between a release's row and its lock


def build(
    project: Project, source: Path, commit: str = "", *, tell: Tell, at: datetime, by: str = "golive",
    branch: str = "", tree: str = "", notes: list[dict[str, str]] | None = None,
) -> Release:  # fmt: skip
    """Make a release from a folder of source. Raises BuildError; what it left half-made is removed."""
    if not source.is_dir():
        raise BuildError(f"There is no folder {source} to build from.")
    section = section_of(project, source)
    release = _register(project, section, commit, at, by, branch, tree, notes)
    with lock.building(release):
        _make(release, section, source, commit, tell, at)
    return release


def _make(release: Release, section: DeploySection, source: Path, commit: str, tell: Tell, at: datetime) -> None:
    folder = folder_of(release)
    log: list[str] = []

    def say(line: str) -> None:
        log.append(line)
        tell(line)

    problem, ours = "", False
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        say(f"release {release.name} from {source}")
        shutil.copytree(source, folder, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        for line in section.build if section.build is not None else list(guess(folder)):
            say(f"$ {line}")
            environment = runtime.base(folder) | {"GOLIVE_RELEASE": release.name, "CI": "true"}
            environment["PATH"] += f":{Path(sys.executable).parent}"  # uv is there
            words = runtime.argv(line, environment)
            ended = apart.build(release.project, words, folder, environment, say)
            if not ended.well:
                raise BuildError(f"`{line}` {ended.said}")
        size = sum(path.lstat().st_size for path in folder.rglob("*"))
    except (BuildError, OSError, shutil.Error) as error:
        problem = _said(error)
        ours = not isinstance(error, BuildError) or "No space left" in problem
    finally:
        release.log = "\n".join(log)[-KEPT_LOG:]
        if problem:
            shutil.rmtree(folder, ignore_errors=True)
            release.state, release.problem = ReleaseState.FAILED, problem[:500]
            release.save(update_fields=["state", "problem", "log"])
    if problem:
        raise BuildError(f"{release.name} could not be built: {problem}", ours=ours)
    release.state, release.folder, release.size_bytes, release.built_at = ReleaseState.READY, str(folder), size, at
    release.save(update_fields=["state", "folder", "size_bytes", "built_at", "log"])


def folder_of(release: Release) -> Path:
    """Where its files lie, or would."""
    return place().releases(release.project.slug) / f"{release.number}-{release.commit[:7] or 'local'}"


def abandoned(now: datetime) -> list[Release]:
    """Give up builds whose process was killed: they are failed, and what they left is removed."""
    found = []
    building = Release.objects.filter(state=ReleaseState.BUILDING)
    for release in building.filter(created_at__lt=now - GRACE).select_related("project"):
        # Asked again without anybody at it: a build that ended well since the first look has its files.
        if lock.is_built(release) or not building.filter(pk=release.pk).exists():
            continue
        shutil.rmtree(folder_of(release), ignore_errors=True)
        building.filter(pk=release.pk).update(state=ReleaseState.FAILED, problem="its build was killed; build it again")
        found.append(release)
    return found


def section_of(project: Project, source: Path) -> DeploySection:
    """The source's own [deploy] section, over what was applied. Raises BuildError."""
    wanted: dict[str, Any] = dict(kept(project.pk).deploy)
    file = source / "golive.toml"
    try:
        if file.exists():
            wanted |= tomllib.loads(file.read_text(encoding="utf-8")).get("deploy", {})
        section = DeploySection.model_validate(wanted)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BuildError(f"{file} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BuildError(f"[deploy] {where} in {file.name}: {first['msg'].removeprefix('Value error, ')}") from error
    if section.target == "host" and "web" not in section.processes:
        raise BuildError('golive.toml names no web process: [deploy] processes = { web = "... --uds $SOCKET" }')
    return section


def guess(folder: Path) -> Iterator[str]:
    """The build that a source's files ask for."""
    if (folder / "uv.lock").exists():
        yield "uv sync --frozen --no-dev --no-progress --compile-bytecode"
    elif (folder / "requirements.txt").exists():
        yield "uv venv --quiet .venv"
        yield "uv pip install --quiet --compile-bytecode --python .venv/bin/python -r requirements.txt"
    elif (folder / "pyproject.toml").exists():
        yield "uv venv --quiet .venv"
        yield "uv pip install --quiet --compile-bytecode --python .venv/bin/python ."
    if (folder / "package-lock.json").exists():
        yield "npm ci --no-audit --no-fund"


def _register(
    project: Project, section: DeploySection, commit: str, at: datetime, by: str, branch: str, tree: str,
    notes: list[dict[str, str]] | None,
) -> Release:  # fmt: skip
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        number = (Release.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0) + 1
        return Release.objects.create(
            project=project,
            number=number,
            name=f"{project.slug}@{number}" + (f"-{commit[:7]}" if commit else ""),
            commit=commit[:64],
            branch=branch[:200],
            tree=tree[:64],
            notes=notes or [],
            settings=section.model_dump(mode="json", exclude_defaults=True),
            created_at=at,
            created_by=by,
        )


def _said(error: Exception) -> str:
    if isinstance(error, shutil.Error) and error.args and error.args[0]:
        return str(error.args[0][0][2])
    if isinstance(error, OSError):
        return f"{error.strerror or error} ({error.filename})" if error.filename else str(error.strerror or error)
    return str(error)


def notes_between(repository: Path, old: str, new: str) -> list[dict[str, str]]:
    """The commits from `old` to `new` as release notes, newest first; empty when git cannot tell."""
    if not new or new.startswith("-") or old.startswith("-"):
        return []
    words = ["git", "-C", str(repository), "log", "-n", "100", "--format=%H%x1f%s%x1f%an", "--no-merges"]
    done = subprocess.run(
        [*words, f"{old}..{new}" if old else new, "--"], capture_output=True, text=True, check=False, timeout=30
    )
    rows = [line.split("\x1f") for line in done.stdout.splitlines()] if done.returncode == 0 else []
    return [{"commit": row[0], "subject": row[1][:200], "author": row[2][:120]} for row in rows if len(row) == 3]

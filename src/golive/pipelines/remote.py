"""golive's own git remote: a bare repository for each project, its hooks, and what a push to a branch begins."""

import os
import shlex
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from golive.config.reader import ConfigError
from golive.kit.folders import data_folder
from golive.people.models import Project
from golive.pipelines import definition, deploys, engine, fast_lane
from golive.pipelines.models import Run, Trigger
from golive.pipelines.outcome import State
from golive.pipelines.stages import LOCAL, Stage
from golive.pipelines.tree import Repository, TreeError

MAIN = "main"
ZERO = "0" * 40
BRANCH = "refs/heads/"
PULL_REQUEST = "refs/heads/pr/"
FOR_PULL_REQUESTS = [*LOCAL, Stage.PREVIEW, Stage.E2E]
FOR_MAIN = [*FOR_PULL_REQUESTS, Stage.PRODUCTION, Stage.CHECKS]
FOR_TESTED = [*LOCAL, Stage.PRODUCTION, Stage.CHECKS]  # a pull request has had its preview and end-to-end tests
LARGEST_OBJECT = 200 << 20


@dataclass(frozen=True)
class Update:
    """One ref that a push changes."""

    old: str
    new: str
    ref: str

    @property
    def deletes(self) -> bool:
        return set(self.new) == {"0"}


def folder(project: Project) -> Path:
    """Where the project's bare repository is."""
    return data_folder() / "pipelines" / "git" / f"{project.slug}.git"


def ensure(project: Project) -> Path:
    """The project's bare repository with hooks that call this golive."""
    place = folder(project)
    if not (place / "HEAD").exists():
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _git("init", "--quiet", "--bare", f"--initial-branch={MAIN}", str(place))
    for key, value in (
        ("receive.fsckObjects", "true"),
        ("receive.maxInputSize", str(LARGEST_OBJECT)),
        ("transfer.hideRefs", "refs/golive"),
        ("receive.denyDeleteCurrent", "true"),
    ):
        _git("--git-dir", str(place), "config", key, value)
    for name in ("pre-receive", "post-receive"):
        _write_hook(place / "hooks" / name, name, project.slug)
    return place


def _write_hook(path: Path, name: str, slug: str) -> None:
    words = [sys.executable, "-m", "golive.cli", "ship", "hook", name, "--project", slug]
    data = shlex.quote(str(data_folder()))
    text = f"#!/bin/sh\n# Written by golive; changed again by `golive ship remote`.\nexport GOLIVE_DATA={data}\n"
    for kept in ("DATABASE_URL", "GOLIVE_URL"):
        if kept in os.environ:
            text += f"export {kept}={shlex.quote(os.environ[kept])}\n"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{text}exec {shlex.join(words)}\n")
    path.chmod(stat.S_IRWXU)


def updates(lines: str) -> list[Update]:
    """What git tells its hooks: `old new ref`, a line each."""
    found = [line.split(" ", 2) for line in lines.splitlines() if line.count(" ") >= 2]
    return [Update(old, new, ref.strip()) for old, new, ref in found]


def refusal(update: Update, project: Project) -> str:
    """Why a push of this ref is refused, or nothing."""
    if update.ref.startswith("refs/tags/"):
        return ""
    if not update.ref.startswith(BRANCH):
        return f"{update.ref}: push branches (main, pr/NAME) or tags"
    if update.deletes:
        return f"{MAIN} is not to be deleted" if update.ref == BRANCH + MAIN else ""
    repository = Repository(_quarantined(project))
    try:
        if update.ref == BRANCH + MAIN and set(update.old) != {"0"}:
            repository.git("merge-base", "--is-ancestor", update.old, update.new)
    except TreeError:
        return f"{MAIN} only goes forward: your push would lose commits; pull first"
    try:
        definition.read(repository, repository.tree_of(update.new))
    except ConfigError as error:
        return str(error)
    except TreeError as error:
        return f"{update.ref} cannot be read: {error}"
    return ""


def _quarantined(project: Project) -> Path:
    """The repository as a pre-receive hook sees it; git hands the quarantine over in the environment."""
    return Path(os.environ.get("GIT_DIR") or folder(project)).resolve()


def begin(update: Update, project: Project, by: str) -> Run | None:
    """Begin the run that a pushed branch asks for; None for tags, deletions and branches that are nobody's concern."""
    if update.deletes and update.ref.startswith(PULL_REQUEST):
        deploys.over(project, update.ref.removeprefix(PULL_REQUEST), by)
    if update.deletes or not update.ref.startswith(BRANCH):
        return None
    branch = update.ref.removeprefix(BRANCH)
    repository = Repository(folder(project))
    asked = update.ref.startswith(PULL_REQUEST)
    tree = repository.tree_of(update.new)
    run = engine.create(
        project,
        repository,
        Trigger.PULL_REQUEST if asked else Trigger.PUSH,
        tree,
        FOR_PULL_REQUESTS if asked else stages_of(project, branch, tree),
        by,
        commit=update.new,
        ref=update.ref,
        pull_request=branch.removeprefix("pr/") if asked else "",
    )
    engine.enqueue(run)
    return run


def stages_of(project: Project, branch: str, tree: str) -> list[Stage]:
    """What a push to a branch goes through. What was proved of the same files on a preview is not proved again."""
    if fast_lane.opened(project, branch):
        return list(fast_lane.STAGES)
    if branch != MAIN:
        return list(LOCAL)
    passed = Run.objects.filter(project=project, tree=tree, state=State.PASSED, fork=False).exclude(
        trigger=Trigger.LOCAL
    )
    return FOR_TESTED if any(Stage.E2E in stages for stages in passed.values_list("stages", flat=True)) else FOR_MAIN


def _git(*words: str) -> None:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise TreeError(done.stderr.strip())

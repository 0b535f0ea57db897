"""A small repository with a pipeline, and a project to run it for."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from golive.kit.folders import data_folder
from golive.people.models import Project
from golive.pipelines import work

Commit = Callable[..., str]


@pytest.fixture(autouse=True)
def own_work_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workspaces in a folder that every user can pass through, as /var/tmp is."""
    folder = tmp_path_factory.mktemp("work")
    for parent in (folder, *folder.parents):
        if parent == folder or parent.name.startswith(("pytest", "popen")):
            parent.chmod(0o755)
    monkeypatch.setenv("GOLIVE_WORK", str(folder / "golive"))
    work.root.cache_clear()
    shutil.rmtree(data_folder() / "pipelines", ignore_errors=True)  # results of other tests


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="shop", name="shop")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An empty repository with a branch main."""
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.email", "ada@shop.example")
    git(folder, "config", "user.name", "Ada")
    return folder


@pytest.fixture
def commit(repository: Path) -> Commit:
    """Writes files and commits them; returns the commit."""

    def make(pipeline: str, files: Mapping[str, str] | None = None, message: str = "Change") -> str:
        for name, content in {"golive.toml": pipeline, **(files or {})}.items():
            path = repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        git(repository, "add", "-A")
        git(repository, "commit", "-q", "--allow-empty", "-m", message)
        return git(repository, "rev-parse", "HEAD")

    return make


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()

"""Trees of files in git: what is on disk now as a tree, its files with their hashes, and a copy of it elsewhere."""

import os
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# A hook sees pushed objects in quarantine; anything else of a git around us (its index, its directory) is not ours.
_KEPT = (
    "GIT_SSL_CAINFO",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
)


class TreeError(Exception):
    """git is missing, or it refused; the message is git's own."""

    exit_code = 3


@dataclass(frozen=True)
class Repository:
    """A git repository: `git_dir`, and the folder within its trees in which golive.toml lies ("" for the top)."""

    git_dir: Path
    below: str = ""

    def git(self, *words: str, environment: Mapping[str, str] | None = None, given: bytes | None = None) -> str:
        """What a git command prints. Raises TreeError."""
        return _git(["--git-dir", str(self.git_dir), *words], environment=environment, given=given).strip()

    def tree_of(self, commit: str) -> str:
        """The tree of a commit, at the folder of golive.toml."""
        return self.git("rev-parse", "--verify", "--end-of-options", f"{commit}:{self.below}")

    def files(self, tree: str) -> dict[str, str]:
        """All files of a tree with the hashes of their contents; the mode counts, as it may be executable."""
        listed = self.git("ls-tree", "-r", "-z", "--full-tree", tree)
        found = {}
        for entry in filter(None, listed.split("\0")):
            about, _, path = entry.partition("\t")
            mode, _, digest = about.split(" ")
            found[path] = f"{mode} {digest}"
        return found

    def read(self, tree: str, path: str) -> bytes | None:
        """A file of a tree, or None."""
        done = subprocess.run(
            ["git", "--git-dir", str(self.git_dir), "cat-file", "blob", f"{tree}:{path}"],
            capture_output=True,
            check=False,
        )
        return done.stdout if done.returncode == 0 else None

    def export(self, tree: str, folder: Path) -> None:
        """Copy a tree into an empty folder. Raises TreeError."""
        with subprocess.Popen(
            ["git", "--git-dir", str(self.git_dir), "archive", "--format=tar", tree],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as archive:
            assert archive.stdout is not None  # noqa: S101
            assert archive.stderr is not None  # noqa: S101
            try:
                with tarfile.open(fileobj=archive.stdout, mode="r|") as packed:
                    packed.extractall(folder, filter="tar")
            except (tarfile.TarError, OSError) as error:
                raise TreeError(f"the tree cannot be copied to {folder}: {error}") from error
            said = archive.stderr.read().decode(errors="replace").strip()
        if archive.returncode:
            raise TreeError(said)


def of_folder(folder: Path, scratch: Path) -> tuple[Repository, str]:
    """The files of a folder as they are now, committed or not, as a tree; what .gitignore names is left out.

    Objects go into the repository around the folder, or into `scratch` when there is none. The index is untouched.
    """
    top = _quiet("-C", str(folder), "rev-parse", "--show-toplevel")
    below = ""
    if top:
        git_dir = Path(_git(["-C", str(folder), "rev-parse", "--absolute-git-dir"]).strip())
        below = _git(["-C", str(folder), "rev-parse", "--show-prefix"]).strip().rstrip("/")
        root = Path(top)
    else:
        git_dir, root = scratch, folder.resolve()
        if not (git_dir / "HEAD").exists():
            _git(["init", "--quiet", "--bare", str(git_dir)])
    repository = Repository(git_dir, below)
    with tempfile.TemporaryDirectory(prefix="golive-index-") as place:
        index = Path(place) / "index"
        own = git_dir / "index"
        if own.exists():
            index.write_bytes(own.read_bytes())  # with its stat cache git reads only what changed
        changed = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(root)}
        # Names are relative to the top of the work tree only when git runs there.
        words = ["--git-dir", str(git_dir), "-C", str(root), "add", "--all", "--", below or "."]
        _git(words, environment=changed)
        prefix = [f"--prefix={below}/"] if below else []
        tree = _git(["--git-dir", str(git_dir), "write-tree", *prefix], environment=changed).strip()
    return repository, tree


def head_of(folder: Path) -> tuple[str, str]:
    """The commit and branch of a folder, each "" when there is none."""
    return _quiet("-C", str(folder), "rev-parse", "HEAD"), _quiet("-C", str(folder), "branch", "--show-current")


def _quiet(*words: str) -> str:
    try:
        return _git(list(words)).strip()
    except TreeError:
        return ""


def _git(words: list[str], *, environment: Mapping[str, str] | None = None, given: bytes | None = None) -> str:
    own = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key in _KEPT}
    own |= {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", **(environment or {})}
    try:
        done = subprocess.run(["git", *words], env=own, input=given, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise TreeError("git is not installed; a pipeline works on what git knows") from error
    if done.returncode:
        raise TreeError(done.stderr.decode(errors="replace").strip() or f"git {words[0]} failed")
    return done.stdout.decode(errors="surrogateescape")

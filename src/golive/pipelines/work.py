"""Folders that steps work in: outside the data folder, since steps run as others who must not enter that."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

import psutil

from golive.kit.folders import data_folder
from golive.pipelines import isolate


class WorkError(Exception):
    """The folder for workspaces cannot be used safely."""

    exit_code = 2


def where() -> Path:
    """GOLIVE_WORK, or a folder of this install's own below /var/tmp."""
    given = os.environ.get("GOLIVE_WORK")
    name = hashlib.sha256(str(data_folder()).encode()).hexdigest()[:12]
    base = Path("/var/tmp") if Path("/var/tmp").is_dir() else Path(tempfile.gettempdir())  # noqa: S108
    return Path(given) if given else base / f"golive-{os.geteuid()}-{name}"


@cache
def root() -> Path:
    """The folder, made when a run needs it. Others may pass through it, not list it."""
    folder = where()
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.geteuid():
        raise WorkError(f"{folder} belongs to somebody else; name another folder in GOLIVE_WORK")
    folder.chmod(0o711)
    for part in ("runs", "shared", "caches", "tools"):
        (folder / part).mkdir(mode=0o711, exist_ok=True)
        (folder / part).chmod(0o711)
    _bring_tools(folder / "tools")
    return folder


def _bring_tools(folder: Path) -> None:
    """Copies of the programs that golive brings along and steps may use: uv."""
    found = Path(sys.executable).with_name("uv")
    source = found if found.exists() else Path(shutil.which("uv") or "")
    if source.is_file():
        target = folder / "uv"
        if not target.exists() or target.stat().st_size != source.stat().st_size:
            draft = folder / f".uv.{os.getpid()}"
            shutil.copyfile(source, draft)
            draft.chmod(0o755)
            draft.replace(target)
    _bring_client(folder)
    folder.chmod(0o755)
    isolate.offer_tools(folder)


def _bring_client(folder: Path) -> None:
    """A copy of golive-client from a checkout of golive, where steps can install it from."""
    source, target = Path(__file__).parents[3] / "clients" / "python", folder / "client"
    if not source.is_dir() or target.is_dir():
        return
    draft = folder / f".client.{os.getpid()}"
    shutil.copytree(source, draft, ignore=shutil.ignore_patterns("tests", "__pycache__", "*.egg-info"))
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    try:
        draft.rename(target)
    except OSError:  # another process was first
        shutil.rmtree(draft, ignore_errors=True)


class Place:
    """The folder of one run: workspaces and servers. A lock says that the run goes on."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="run-", dir=root() / "runs"))
        self.folder.chmod(0o711)
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def cell(self, name: str) -> Path:
        """An empty folder for one step, closed to everybody until it is handed over."""
        return Path(tempfile.mkdtemp(prefix=f"{name.replace('#', '-')}-", dir=self.folder))

    def server(self, name: str) -> Path:
        """An empty folder for the servers of one step."""
        folder = self.folder / f"servers-{name}"
        folder.mkdir(mode=0o711)
        return folder

    def close(self) -> None:
        """Remove it."""
        discard(self.folder)
        os.close(self._lock)


def sweep() -> int:
    """End and remove what runs left behind that were killed: servers, workspaces; how many there were."""
    gone = 0
    for folder in (where() / "runs").glob("*"):  # an install that ran nothing has none
        try:
            lock = os.open(folder / "lock", os.O_RDWR)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            _end_servers(folder)
            discard(folder)
            gone += 1
        finally:
            os.close(lock)
    return gone


def _end_servers(folder: Path) -> None:
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in word for word in process.info["cmdline"] or []):
            with contextlib.suppress(psutil.Error):
                process.kill()


def shared(key: str) -> Path:
    """Where the outputs of a set-up with this key lie, readable by all steps."""
    return root() / "shared" / key[:32]


def caches(project: str, step: str, uid: int) -> Path:
    """The folder of caches that a step of a project keeps; its owner is the step's user."""
    folder = root() / "caches" / f"{project}-{step.split('#')[0]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(folder, uid, uid)
    return folder


def hand_over(folder: Path, uid: int) -> None:
    """Give a cell and all in it to the step's user, when we may."""
    if os.geteuid() != 0:
        return
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.lchown(Path(place) / name, uid, uid)
    os.chown(folder, uid, uid)


def discard(folder: Path) -> None:
    """Remove a cell with what is in it."""
    shutil.rmtree(folder, ignore_errors=True)

"""Keeping a step apart from everything else: the command line that runs it, as data.

Best first: bubblewrap started by root (own mounts, own processes, another user), another user alone, bubblewrap of an
ordinary user, and nothing but a session and limits of its own - which is not enough for a stranger's code.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

WORKSPACE = "/workspace"
FIRST_UID, UIDS = 61184, 4000  # systemd's range for users that exist only while something runs
LIMITS = ("--core=0", "--nofile=8192", "--nproc=8192", f"--fsize={20 << 30}")
SYSTEM = ("/usr", "/etc", "/opt", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
# Where certificates and package indexes are to be found; never anything that could be a secret of golive's.
HANDED_ON = (
    "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "NPM_CONFIG_REGISTRY",
)  # fmt: skip


class Level(StrEnum):
    """How far apart a step is kept, best first."""

    ROOT_BUBBLEWRAP = "bubblewrap and another user"
    BUBBLEWRAP = "bubblewrap"
    OTHER_USER = "another user"
    SESSION = "a session of its own"

    @property
    def holds_strangers(self) -> bool:
        """Whether code of people we do not know may run in it."""
        return self is not Level.SESSION


@dataclass(frozen=True)
class Cell:
    """Where one step runs: its files outside, what it may read beside the system, and as whom."""

    folder: Path
    uid: int
    readable: tuple[Path, ...] = ()
    mounts: tuple[tuple[Path, str], ...] = ()  # folders shared read-only, and where the step sees them
    caches: Path | None = None

    def inside(self, level: Level) -> str:
        """The path of its workspace as the step sees it."""
        return WORKSPACE if level in (Level.ROOT_BUBBLEWRAP, Level.BUBBLEWRAP) else str(self.folder / "work")


def command(level: Level, cell: Cell, argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` at a level. Its process group is its own; limits hold at every level."""
    limits = ["prlimit", *LIMITS, "--"] if shutil.which("prlimit") else []
    match level:
        case Level.ROOT_BUBBLEWRAP:
            return [*limits, *_bubblewrap(cell, ()), "--", *_as_user(cell.uid, die=False), *argv]
        case Level.BUBBLEWRAP:
            return [*limits, *_bubblewrap(cell, ("--unshare-user",)), "--", *argv]
        case Level.OTHER_USER:
            return [*limits, *_as_user(cell.uid, die=True), *argv]
        case _:
            return [*limits, *argv]


def _as_user(uid: int, *, die: bool) -> list[str]:
    end = ["--pdeathsig", "KILL"] if die else []
    drop = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", *drop, *end, "--"]


def _bubblewrap(cell: Cell, more: Sequence[str]) -> list[str]:
    words = ["bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts", *more]
    words += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108
    for place in SYSTEM:
        if Path(place).is_symlink():
            words += ["--symlink", str(Path(place).readlink()), place]
        elif Path(place).is_dir():
            words += ["--ro-bind", place, place]
    made: set[Path] = set()
    for path in cell.readable:
        for parent in reversed(path.parents):  # bwrap would make them for root alone
            if parent not in made and not any(parent.is_relative_to(place) for place in SYSTEM) and parent.name:
                words += ["--perms", "0755", "--dir", str(parent)]
                made.add(parent)
        words += ["--ro-bind", str(path), str(path)]
    words += ["--bind", str(cell.folder / "work"), WORKSPACE, "--bind", str(cell.folder / "home"), "/home"]
    words += ["--perms", "0755", "--dir", "/reports", "--bind", str(cell.folder / "reports"), "/reports"]
    if cell.caches is not None:
        words += ["--perms", "0755", "--dir", "/cache", "--bind", str(cell.caches), "/cache"]
    for outside, place in cell.mounts:
        words += ["--ro-bind", str(outside), f"{WORKSPACE}/{place}"]
    return [*words, "--chdir", WORKSPACE]


def environment(level: Level, cell: Cell, given: Mapping[str, str], *, trusted: bool) -> dict[str, str]:
    """The whole environment of a step: nothing of golive's own but where certificates and package indexes are."""
    boxed = cell.inside(level) == WORKSPACE
    work = cell.inside(level)
    home = "/home" if boxed else str(cell.folder / "home")
    reports = "/reports" if boxed else str(cell.folder / "reports")
    handed = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    if not trusted:  # an index's address may carry a password
        handed = {name: value for name, value in handed.items() if "@" not in value}
    paths = [f"{work}/.venv/bin", f"{work}/node_modules/.bin", *map(str, tool_folders())]
    paths += [f"{sys.base_prefix}/bin", "/usr/local/bin", "/usr/bin", "/bin"]
    caches = ("/cache" if boxed else str(cell.caches)) if cell.caches is not None else f"{home}/.cache"
    return {
        "LANG": "C.UTF-8",
        **handed,
        "PATH": ":".join(paths),
        "HOME": home,
        "TMPDIR": "/tmp" if boxed else str(cell.folder / "home"),  # noqa: S108
        "XDG_CACHE_HOME": caches,
        "npm_config_cache": f"{caches}/npm",
        "UV_LINK_MODE": "copy",
        "UV_NO_MANAGED_PYTHON": "1",
        "UV_NO_CONFIG": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONUNBUFFERED": "1",
        "CI": "true",
        "GOLIVE": "1",
        "GOLIVE_CLIENT": client(),
        "REPORTS": reports,
        "PYTEST_ADDOPTS": f"--junitxml={reports}/pytest.xml",
        **given,
    }


def readable() -> tuple[Path, ...]:
    """What lies outside the system's folders and every step needs: Python itself, tools, certificates."""
    found = [Path(sys.base_prefix), *tool_folders()]
    found += [Path(os.environ[name]) for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS") if name in os.environ]
    return tuple(
        path
        for path in dict.fromkeys(path.resolve() for path in found)
        if path.exists() and not any(path.is_relative_to(place) for place in SYSTEM)
    )


_tools: list[Path] = []


def offer_tools(folder: Path) -> None:
    """Put a folder of programs (uv) onto the PATH of every step."""
    if folder not in _tools:
        _tools.append(folder)


def tool_folders() -> tuple[Path, ...]:
    """The folders of programs that golive brings along."""
    return tuple(_tools)


def client() -> str:
    """What `pip install` is given for golive-client: the copy that golive brought along, else its published name."""
    found = [folder / "client" for folder in _tools if (folder / "client").is_dir()]
    return str(found[0]) if found else "golive-client"


@cache
def best() -> Level:
    """The best level that works on this machine, found by trying."""
    root = os.geteuid() == 0
    if root and shutil.which("setpriv") and shutil.which("bwrap"):
        tried = [
            "bwrap",
            "--unshare-pid",
            "--ro-bind",
            "/",
            "/",
            "--proc",
            "/proc",
            "--",
            *_as_user(FIRST_UID, die=False),
        ]
        if _works([*tried, "/bin/true"]):
            return Level.ROOT_BUBBLEWRAP
    if root and shutil.which("setpriv") and _works([*_as_user(FIRST_UID, die=True), "/bin/true"]):
        return Level.OTHER_USER
    if shutil.which("bwrap") and _works(
        ["bwrap", "--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "--", "/bin/true"]
    ):
        return Level.BUBBLEWRAP
    return Level.SESSION


def _works(argv: Sequence[str]) -> bool:
    try:
        return subprocess.run(argv, capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def uid_for(*words: str) -> int:
    """A user id for a step: the same for the same words, so that it can use its caches again."""
    number = 0
    for character in "/".join(words):
        number = (number * 131 + ord(character)) % 1_000_003
    return FIRST_UID + number % UIDS

"""Keeps builds and previews apart from golive: another user's rights, files of their own, no sight of other processes.

They run what somebody proposes; golive's data, its keys and other processes' environments stay out of their reach.
With bubblewrap a preview sees the system's programs, Python, its release (read only) and its sockets, nothing else.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from golive.people.models import Project
from golive.releases import commandline
from golive.releases.commandline import Ended, Tell
from golive.releases.host.place import place
from golive.releases.models import Environment

FIRST_UID, UIDS = 65184, 330  # beside the pipeline's, in the range of users that exist only while something runs
SYSTEM = ("/usr", "/etc", "/opt", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
HOME = "/tmp"  # noqa: S108 (an empty one of its own)
CACHE, BUILD_SECONDS = "/cache", 900.0
# Where certificates and package indexes are to be found: all that a build is told of golive's own environment.
HANDED_ON = (
    "SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX",
    "UV_INDEX", "NPM_CONFIG_REGISTRY",
)  # fmt: skip
LIMITS = ("prlimit", "--core=0", "--nofile=16384", "--nproc=4096", "--")
NOTHING = (
    "Nothing here keeps previews apart from golive: they run as its own user. Install bubblewrap "
    "(apt-get install bubblewrap)."
)


@cache
def able() -> bool:
    """Whether bubblewrap works here; found by trying."""
    if not shutil.which("bwrap"):
        return False
    words = [*_walls(()), "--chdir", "/", "--", *_another(FIRST_UID), "/bin/true"]
    try:
        return subprocess.run(words, capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def wanted(where: Environment) -> bool:
    """Whether this environment's processes are kept apart: previews are, where the machine can."""
    return where.is_preview and able()


def uid_of(where: Environment) -> int:
    return FIRST_UID + where.pk % UIDS


def words(where: Environment, folder: str, command: Sequence[str], sockets: Path | None = None) -> tuple[str, ...]:
    """The command line that runs `command` so; unchanged for what is no preview. `sockets` it may write to."""
    if not wanted(where):
        return tuple(command)
    own = ["--bind", str(sockets), str(sockets)] if sockets else []
    walls = _walls((Path(folder), *([sockets] if sockets else [])))
    return (*_limits(), *walls, *own, "--chdir", folder, "--", *_another(uid_of(where)), *command)


def environment(where: Environment, given: Mapping[str, str]) -> dict[str, str]:
    """What such a process is told: as before, but for a home of its own."""
    return {**given, "HOME": HOME, "TMPDIR": HOME} if wanted(where) else dict(given)


def run(
    where: Environment, command: Sequence[str], folder: Path, given: Mapping[str, str], tell: Tell, *,
    timeout_seconds: float,
) -> Ended:  # fmt: skip
    """Run one command of a release to its end, apart where the environment's processes are."""
    return commandline.run(
        words(where, str(folder), command), folder=folder, environment=environment(where, given), tell=tell,
        timeout_seconds=timeout_seconds,
    )  # fmt: skip


def build(project: Project, command: Sequence[str], folder: Path, given: Mapping[str, str], tell: Tell) -> Ended:
    """Run one command of a build: it may write to the release that it makes and to caches of its project's, no more."""
    if not able():
        return commandline.run(command, folder=folder, environment=given, tell=tell, timeout_seconds=BUILD_SECONDS)
    uid, caches = FIRST_UID + project.pk % UIDS, place().make().root / "caches" / project.slug
    caches.mkdir(mode=0o700, parents=True, exist_ok=True)
    _give((caches,), uid)
    _give((folder, *folder.rglob("*")), uid)
    told = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    told |= {**given, "HOME": HOME, "TMPDIR": HOME, "UV_LINK_MODE": "copy"}
    told |= {"XDG_CACHE_HOME": CACHE, "UV_CACHE_DIR": f"{CACHE}/uv", "npm_config_cache": f"{CACHE}/npm"}
    bound = ["--bind", str(folder), str(folder), "--perms", "0755", "--dir", CACHE, "--bind", str(caches), CACHE]
    line = (*_limits(), *_walls((folder,)), *bound, "--chdir", str(folder), "--", *_another(uid), *command)
    try:
        return commandline.run(line, folder=folder, environment=told, tell=tell, timeout_seconds=BUILD_SECONDS)
    finally:
        _give((folder, *folder.rglob("*")), os.geteuid())


def _give(paths: Iterable[Path], uid: int) -> None:
    """Change the owner, when we may; never through a symbolic link."""
    if os.geteuid() == 0:
        for path in paths:
            os.lchown(path, uid, uid)


def hand_over(where: Environment, folder: Path, sockets: Path | None = None) -> None:
    """Let the preview's user read its release and write to its sockets; the folders above stay closed to all."""
    if not wanted(where) or os.geteuid() != 0:
        return
    if sockets is not None:
        os.chown(sockets, uid_of(where), uid_of(where))
    for inside, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            path = Path(inside) / name
            mode = path.lstat().st_mode
            more = 0o055 if mode & 0o100 else 0o044
            if not path.is_symlink() and mode & more != more:
                path.chmod((mode | more) & 0o7777)


def _limits() -> tuple[str, ...]:
    return LIMITS if shutil.which("prlimit") else ()


def _walls(seen: Sequence[Path]) -> list[str]:
    said = ["bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    said += [] if os.geteuid() == 0 else ["--unshare-user"]
    said += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", HOME]
    for name in SYSTEM:
        if Path(name).is_symlink():
            said += ["--symlink", str(Path(name).readlink()), name]
        elif Path(name).is_dir():
            said += ["--ro-bind", name, name]
    made: set[Path] = set()
    for path in (*_programs(), *seen):
        for parent in reversed(path.parents):  # bwrap would make them for root alone
            if parent not in made and parent.name and str(parent) != HOME and not _below_system(parent):
                said += ["--perms", "0755", "--dir", str(parent)]
                made.add(parent)
        said += ["--ro-bind", str(path), str(path)]
    return said


def _programs() -> list[Path]:
    """Python and the programs beside it, where they lie outside the system's folders."""
    given = [os.environ[name] for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS") if name in os.environ]
    found = dict.fromkeys(Path(one).resolve() for one in (sys.base_prefix, sys.prefix, *given))
    return [path for path in found if path.exists() and not _below_system(path)]


def _below_system(path: Path) -> bool:
    return any(path.is_relative_to(one) for one in SYSTEM)


def _another(uid: int) -> list[str]:
    """Another user without any privilege; an ordinary user stays what they are."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return []
    drop = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", *drop, "--"]

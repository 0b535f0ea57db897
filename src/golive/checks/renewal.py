"""A probe that follows its server's version: installs it in place and begins anew, losing nothing that it saw.

The server only names a version; what is installed comes from where the probe's own machine installs packages. What a
probe saw lies in its outbox on disk, and its process keeps its number, so that whoever watches it notices nothing.
"""

import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from golive import __version__
from golive.kit.folders import write_private

log = logging.getLogger("golive.probe")
TRIED = "renewal.json"
VERSION = re.compile(r"[0-9][0-9A-Za-z.!+]{0,60}")
AGAIN_AFTER = timedelta(hours=6)
LONGEST = timedelta(minutes=10)


@dataclass(frozen=True)
class Attempted:
    """The last version that was tried, and when."""

    version: str
    at: datetime


@dataclass(frozen=True)
class Renewal:
    """Whether to install `version` now, and why or why not."""

    version: str
    now: bool
    reason: str


def decide(offered: str, own: str, last: Attempted | None, now: datetime, fixed: str) -> Renewal:
    """What a server's version means to a probe; `fixed` says why its install cannot be changed, "" when it can."""
    if not VERSION.fullmatch(offered):
        return Renewal("", False, f"the server's version {offered[:40]!r} is none")
    if offered == own:
        return Renewal(offered, False, "as the server")
    if fixed:
        return Renewal(offered, False, fixed)
    if last is not None and last.version == offered and now - last.at < AGAIN_AFTER:
        return Renewal(offered, False, f"{offered} was tried at {last.at:%H:%M} UTC and did not take")
    return Renewal(offered, True, f"the server is at {offered}, this probe at {own}")


@cache
def fixed_install() -> str:
    """Why this install is not to be changed: it is somebody's source tree, or no package at all."""
    try:
        found: Distribution = distribution("golive")
    except PackageNotFoundError:
        return "golive is not installed as a package here"
    direct = json.loads(found.read_text("direct_url.json") or "{}")
    return "this is a source tree; update it there" if direct.get("dir_info", {}).get("editable") else ""


def command(version: str, given: str = "") -> list[str]:
    """What installs a version: `given` with VERSION in its place, else pip or uv into this very environment."""
    if given:
        return [word.replace("VERSION", version) for word in shlex.split(given)]
    package = f"golive=={version}"
    uv = shutil.which("uv")
    if uv and not (Path(sys.prefix) / "bin" / "pip").exists():
        return [uv, "pip", "install", "--quiet", "--python", sys.executable, package]
    return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]


class Renewer:
    """Keeps a probe at its server's version. `given` is the operator's own command, "off" never to update."""

    def __init__(self, folder: Path, given: str = "") -> None:
        self.folder, self.given, self.said = folder, given, ""
        self.working: threading.Thread | None = None
        self.done = False

    def heed(self, offered: str) -> bool:
        """Begin to install the server's version if that is due, and go on; true when it is done: then begin anew."""
        if self.done or (self.working is not None and self.working.is_alive()):
            return self.done
        fixed = "updates are off" if self.given == "off" else "" if self.given else fixed_install()
        found = decide(offered, __version__, self._last(), datetime.now(UTC), fixed)
        if not found.now:
            if found.reason not in ("as the server", self.said):
                log.warning("not updated to %s: %s", offered, found.reason)
            self.said = found.reason
            return False
        log.info("%s; updating", found.reason)
        kept = {"version": offered, "at": datetime.now(UTC).isoformat()}
        write_private(self.folder / TRIED, json.dumps(kept).encode())
        self.working = threading.Thread(target=self._install, args=(command(offered, self.given),), daemon=True)
        self.working.start()
        return False

    def _install(self, words: Sequence[str]) -> None:
        try:
            done = subprocess.run(
                words,
                capture_output=True,
                text=True,
                timeout=LONGEST.total_seconds(),
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            log.error("the update failed: %s", error)
            return
        if done.returncode:
            log.error("the update failed (%d): %s", done.returncode, (done.stderr or done.stdout).strip()[-500:])
        self.done = done.returncode == 0

    def _last(self) -> Attempted | None:
        try:
            kept = json.loads((self.folder / TRIED).read_text())
            return Attempted(str(kept["version"]), datetime.fromisoformat(kept["at"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None


def begin_anew() -> None:
    """Become the program that is on disk now, under the same process number."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606

"""Where things lie on a host: releases, units and logs in the data folder, sockets where their paths stay short."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from golive.kit.folders import data_folder

LONGEST_SOCKET_ROOT = 40  # a socket's whole path may have 107 bytes, and a preview's label 63


@dataclass(frozen=True)
class Place:
    """The folders of one host. `root` keeps, `sockets` may vanish with a reboot and is made again."""

    root: Path
    sockets: Path

    @property
    def units(self) -> Path:
        return self.root / "units"

    @property
    def states(self) -> Path:
        return self.root / "states"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def caddy(self) -> Path:
        return self.root / "caddy"

    @property
    def access_log(self) -> Path:
        return self.logs / "access.log"

    def releases(self, slug: str) -> Path:
        return self.root / "releases" / slug

    def instance(self, key: str) -> Path:
        """The sockets of one started release: `web.1.sock`, `web.2.sock`."""
        return self.sockets / "i" / key

    def live(self, key: str) -> Path:
        """The symbolic link that Caddy dials through, to a folder of slots."""
        return self.sockets / "live" / key

    def make(self) -> "Place":
        """Make the folders, readable by their owner alone."""
        for folder in (self.units, self.states, self.logs, self.caddy, self.sockets / "i", self.sockets / "live"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self


def place(data: Path | None = None) -> Place:
    """This host's folders."""
    data = (data or data_folder()).resolve()
    root = data / "deployed"
    return Place(root, sockets_of(root))


def sockets_of(root: Path) -> Path:
    """A folder for sockets: below the data folder where that is short, else one of its own, ours alone."""
    if len(os.fsencode(root / "s")) <= LONGEST_SOCKET_ROOT:
        return root / "s"
    mark = hashlib.sha256(os.fsencode(root)).hexdigest()[:10]
    base = Path("/run") if os.access("/run", os.W_OK) else Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")  # noqa: S108
    chosen = base / f"golive-{os.getuid()}-{mark}"
    if len(os.fsencode(chosen)) > LONGEST_SOCKET_ROOT:
        chosen = Path(tempfile.gettempdir()) / chosen.name
    chosen.mkdir(mode=0o700, exist_ok=True)
    found = chosen.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{chosen} belongs to somebody else or is open to others; remove it")
    return chosen

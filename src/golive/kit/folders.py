"""The data folder: everything golive keeps lives below it, readable by its owner alone."""

import os
import secrets
from pathlib import Path

from platformdirs import user_data_path


def data_folder() -> Path:
    """The data folder: GOLIVE_DATA, or the platform's place for a user's data. Created with mode 0700."""
    folder = Path(os.environ.get("GOLIVE_DATA") or user_data_path("golive"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder.resolve()


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, replacing it atomically and durably."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def kept_secret(name: str) -> str:
    """A random secret of this install, made on first use and kept in the data folder (64 hex digits)."""
    path = data_folder() / "keys" / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        write_private(fresh, secrets.token_hex(32).encode())
        try:
            os.link(fresh, path)  # fails if another process was first: then its secret counts
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()

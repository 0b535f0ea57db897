"""Where dumps are kept: a folder, or an S3-compatible bucket (`bucket.py`), behind the same few operations."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from golive.postgres.backups.tools import BackupTrouble


class Store(Protocol):
    """Files by name. `write` keeps all of the chunks or nothing, and returns how many bytes they were."""

    def write(self, name: str, chunks: Iterable[bytes]) -> int: ...
    def names(self) -> list[str]: ...
    def remove(self, name: str) -> None: ...
    def reading(self, name: str) -> Any: ...


class FolderStore:
    """A folder, each file with mode 0600."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, chunks: Iterable[bytes]) -> int:
        draft = self.folder / f"{name}.draft"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in self.folder.glob("*.draft"):  # by one that was killed: there is one at a time
                left.unlink()
            draft.touch(mode=0o600)
            with draft.open("wb") as out:
                for chunk in chunks:
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(self.folder / name)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise BackupTrouble(f"The dump cannot be written to {self.folder}: {error.strerror or error}.") from error
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        return (self.folder / name).stat().st_size

    def names(self) -> list[str]:
        return sorted(file.name for file in self.folder.glob("*.dump"))

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    @contextmanager
    def reading(self, name: str) -> Iterator[Any]:
        if not (self.folder / name).is_file():
            raise BackupTrouble(f"The dump {name} is gone from {self.folder}.")
        with (self.folder / name).open("rb") as file:
            yield file

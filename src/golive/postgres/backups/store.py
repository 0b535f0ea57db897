"""Where dumps are kept: a folder or an S3-compatible bucket behind the same few operations."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from pyarrow import fs

from golive.postgres.backups.complaint import complaint
from golive.postgres.backups.plan import BucketPlan
from golive.postgres.backups.reach import place_of, reach
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


class BucketStore:
    """Objects below a prefix. Nothing is kept on this machine, so a dump may be larger than its disk."""

    def __init__(self, bucket: BucketPlan, prefix: str, key: str, secret: str) -> None:
        self.root, self.where = f"{bucket.name}/{prefix}", f"bucket {bucket.name} at {bucket.endpoint}"
        reach(bucket)
        host, port = place_of(bucket)
        trust = {"tls_ca_file_path": bucket.ca} if bucket.ca else {}
        self.files = fs.S3FileSystem(
            access_key=key, secret_key=secret, region=bucket.region, endpoint_override=f"{host}:{port}",
            scheme="https", **trust,
        )  # fmt: skip

    def write(self, name: str, chunks: Iterable[bytes]) -> int:
        path = f"{self.root}/{name}"
        size = 0
        try:
            with self._troubled(), self.files.open_output_stream(path) as out:
                for chunk in chunks:
                    out.write(chunk)
                    size += len(chunk)
            with self._troubled():
                kept = self.files.get_file_info(path).size
        except BaseException:
            # closing the stream has kept what had come by then
            with suppress(OSError):
                self.files.delete_file(path)
            raise
        if kept != size:
            raise BackupTrouble(f"{self.where} keeps {kept} bytes of the dump's {size}.")
        return size

    def names(self) -> list[str]:
        with self._troubled():
            found = self.files.get_file_info(fs.FileSelector(self.root, allow_not_found=True))
        return sorted(info.base_name for info in found if info.base_name.endswith(".dump"))

    def remove(self, name: str) -> None:
        with self._troubled():
            self.files.delete_file(f"{self.root}/{name}")

    @contextmanager
    def reading(self, name: str) -> Iterator[Any]:
        try:
            with self._troubled(), self.files.open_input_stream(f"{self.root}/{name}") as file:
                yield file
        except FileNotFoundError as error:
            raise BackupTrouble(f"The dump {name} is gone from {self.where}.") from error

    @contextmanager
    def _troubled(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise BackupTrouble(f"The dump cannot be kept: {complaint(str(error), self.where)}") from error

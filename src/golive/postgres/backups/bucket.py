"""Dumps in an S3-compatible bucket. Loaded only where one is declared, for Arrow weighs more than all the rest."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pyarrow import fs

from golive.postgres.backups.complaint import complaint
from golive.postgres.backups.plan import BucketPlan
from golive.postgres.backups.reach import place_of, reach
from golive.postgres.backups.tools import BackupTrouble


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

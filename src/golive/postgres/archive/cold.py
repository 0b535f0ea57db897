"""Cold storage: a folder or an S3-compatible bucket behind the same few operations."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as parquet
from pyarrow import fs

from golive.people.secrets import SecretError, resolve
from golive.postgres.archive.layout import Manifest, manifest_of, read_manifest
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.trouble import DatabaseTrouble, NotConfigured


class ColdTrouble(DatabaseTrouble):
    """Cold storage cannot be reached or does not return what was written."""


class Cold:
    """One archive's place. Paths are relative to it."""

    def __init__(self, files: fs.FileSystem, root: str) -> None:
        self.files, self.root = files, root.rstrip("/")

    @property
    def name(self) -> str:
        """The archive's, whose folder it is."""
        return self.root.rpartition("/")[2]

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def write(self, name: str, data: pa.Table) -> None:
        """Write a Parquet file whole."""
        try:
            self._folder(name)
            with self.files.open_output_stream(self.path(name)) as out:
                parquet.write_table(data, out, compression="zstd", store_schema=True)
        except OSError as error:
            with contextlib.suppress(OSError):  # half a file is no use to whoever reads the folder
                self.files.delete_file(self.path(name))
            raise ColdTrouble(f"{name} cannot be written to cold storage: {error}") from error

    def read(self, name: str) -> pa.Table:
        """Read a Parquet file back, with the types it was written with."""
        try:
            with self.files.open_input_file(self.path(name)) as file:
                return parquet.read_table(file, partitioning=None)
        except (OSError, pa.ArrowException) as error:
            raise ColdTrouble(f"{name} cannot be read back from cold storage: {error}") from error

    def put(self, manifest: Manifest) -> None:
        """Write a manifest: from now on its file counts."""
        try:
            name = manifest_of(manifest.number)
            self._folder(name)
            with self.files.open_output_stream(self.path(name)) as out:
                out.write(manifest.text())
        except OSError as error:
            raise ColdTrouble(f"manifest {manifest.number} cannot be written: {error}") from error

    def manifests(self) -> Iterator[Manifest]:
        """All manifests in the order of their numbers."""
        chosen = fs.FileSelector(self.path("manifest"), allow_not_found=True)
        try:
            for info in sorted(self.files.get_file_info(chosen), key=lambda each: each.path):
                with self.files.open_input_file(info.path) as file:
                    yield read_manifest(file.read())
        except (OSError, ValueError) as error:
            raise ColdTrouble(f"the archive's manifests cannot be read: {error}") from error

    def _folder(self, name: str) -> None:
        if isinstance(self.files, fs.LocalFileSystem):
            Path(self.path(name)).parent.mkdir(parents=True, exist_ok=True, mode=0o700)


def open_cold(plan: ArchivePlan, name: str) -> Cold:
    """The place that a plan names. Raises NotConfigured."""
    if not plan.to.startswith("s3://"):
        return Cold(fs.LocalFileSystem(), str(Path(plan.to).expanduser().resolve() / name))
    try:
        access, secret = (resolve(each) if each else None for each in (plan.access_key, plan.secret_key))
    except SecretError as error:
        raise NotConfigured(f"The bucket's keys of [database.archive.{name}] cannot be resolved. {error}") from error
    place = urlsplit(plan.endpoint)
    files = fs.S3FileSystem(
        access_key=access,
        secret_key=secret,
        region=plan.region or "us-east-1",
        endpoint_override=place.netloc or None,
        scheme=place.scheme or "https",
    )
    return Cold(files, f"{plan.to.removeprefix('s3://').rstrip('/')}/{name}")

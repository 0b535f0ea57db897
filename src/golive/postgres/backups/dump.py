"""pg_dump, where nothing else is possible: a whole database in one encrypted file. It restores to when it began only.

The file is a header and frames of a mebibyte, each sealed with AES-256-GCM under its running number; the last says that
it is the last, so a file cut short does not open.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import IO, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from golive.postgres.backups.setup import keys_of, passphrase, plan_of
from golive.postgres.backups.store import FolderStore, Store
from golive.postgres.backups.tools import BackupTrouble
from golive.postgres.models import Database
from golive.sandbox.servers import ServerError, find_program

MAGIC = b"golive-dump-1\n"
FRAME = 1024 * 1024
LARGE = re.compile(r"invalid memory alloc request size|enlarge string buffer|string buffer exceeds")


def make(database: Database, url: str) -> tuple[str, int]:
    """Dump into the plan's folder or bucket; name and size. Old dumps beyond `keep` are deleted."""
    store, name = store_of(database), f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"
    clean, environment = without_password(url)
    try:
        program = str(find_program("pg_dump", "usr/lib/postgresql/*/bin"))
    except ServerError as error:
        raise BackupTrouble(str(error)) from error
    command = [program, "--format=custom", "--no-password", "--lock-wait-timeout=5000", f"--dbname={clean}"]
    size = store.write(name, seal(dumped_by(command, {**os.environ, **environment}), passphrase(database)))
    for old in store.names()[: -plan_of(database).keep]:
        store.remove(old)
        database.backups.filter(label=old, kind="dump").update(expired=True)
    return name, size


def dumped_by(command: list[str], environment: dict[str, str]) -> Iterator[bytes]:
    """What pg_dump writes, in frames. Raises BackupTrouble when it fails, before the last of them is given out."""
    with (
        tempfile.TemporaryFile() as said,  # a pipe that nobody reads would stop it
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, env=environment) as process,
    ):
        try:
            if process.stdout is None:
                raise BackupTrouble("pg_dump has no output")
            yield from _chunks(process.stdout)
        except BaseException:
            process.kill()
            raise
        if process.wait():
            said.seek(0)
            words = said.read().decode(errors="replace")
            large = " Only pgBackRest can back such a row up." if LARGE.search(words) else ""
            why = " ".join(words.split())[-400:] or f"it ended with {process.returncode}"
            raise BackupTrouble(f"pg_dump failed: {why}{large}")


def store_of(database: Database) -> Store:
    """Where this database's dumps are kept. Raises DatabaseTrouble."""
    plan = plan_of(database)
    if plan.bucket is None:
        return FolderStore(Path(plan.folder) / database.project.slug / "dumps")
    key, secret = keys_of(plan.bucket)
    bucket = import_module("golive.postgres.backups.bucket")
    found: Store = bucket.BucketStore(plan.bucket, f"golive/{database.project.slug}/dumps", key, secret)
    return found


def without_password(url: str) -> tuple[str, dict[str, str]]:
    """A connection string without the password, which goes into the environment: others see command lines."""
    parts = {name: value for name, value in conninfo_to_dict(url).items() if value is not None}
    word = parts.pop("password", None)
    return make_conninfo("", **parts), {"PGPASSWORD": str(word)} if word else {}


def _chunks(pipe: IO[bytes]) -> Iterator[bytes]:
    pending = b""
    while chunk := pipe.read(FRAME):
        pending += chunk
        while len(pending) >= FRAME:
            yield pending[:FRAME]
            pending = pending[FRAME:]
    if pending:
        yield pending


def _cipher(word: str, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"golive dump 1").derive(word.encode()))


def seal(chunks: Iterator[bytes], word: str) -> Iterator[bytes]:
    """Encrypt: header, then length and frame, again and again; an empty frame marked as last at the end."""
    salt = os.urandom(16)
    cipher = _cipher(word, salt)
    yield MAGIC + salt
    number = 0
    for chunk in chunks:
        yield _frame(cipher, number, chunk, last=False)
        number += 1
    yield _frame(cipher, number, b"", last=True)


def _frame(cipher: AESGCM, number: int, chunk: bytes, *, last: bool) -> bytes:
    sealed = cipher.encrypt(number.to_bytes(12, "big"), chunk, b"last" if last else b"more")
    return len(sealed).to_bytes(4, "big") + (b"\1" if last else b"\0") + sealed


def unseal(file: BinaryIO, word: str) -> Iterator[bytes]:
    """Decrypt. Raises BackupTrouble when the passphrase is another or the file was altered or cut short."""
    if file.read(len(MAGIC)) != MAGIC:
        raise BackupTrouble("This is no dump of golive's.")
    cipher = _cipher(word, file.read(16))
    number = 0
    while True:
        head = file.read(5)
        if len(head) < 5:
            raise BackupTrouble("The dump was cut short.")
        last, length = head[4] == 1, int.from_bytes(head[:4], "big")
        sealed = file.read(min(length, FRAME + 64))
        if len(sealed) < length:
            raise BackupTrouble("The dump was cut short.")
        try:
            chunk = cipher.decrypt(number.to_bytes(12, "big"), sealed, b"last" if last else b"more")
        except InvalidTag as error:
            raise BackupTrouble("The dump was altered, or encrypted with another passphrase.") from error
        if last:
            return
        yield chunk
        number += 1

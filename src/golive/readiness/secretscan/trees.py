"""Scanning a working tree and the whole history of a repository: each distinct content once."""

import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from golive.readiness.secretscan.rules import Hit, scan_for
from golive.readiness.verdict import CannotTell

MOST_BYTES = 1_500_000
_SKIPPED = {
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".webp",
    ".ico",
    ".pdf",
    ".woff",
    ".woff2",
    ".ttf",
    ".zip",
    ".gz",
    ".parquet",
}
_LOCKS = {"package-lock.json", "uv.lock", "poetry.lock", "yarn.lock", "pnpm-lock.yaml", "Cargo.lock"}


@dataclass(frozen=True)
class Placed:
    """A hit with its file; `commit` for one that is only in history."""

    path: str
    hit: Hit
    blob: str = ""


@dataclass
class Scanned:
    """What was looked at and what was found."""

    examined: int
    expected: int
    hits: list[Placed]


def text_of(content: bytes) -> str | None:
    """The text of a file; None for a binary one."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    if b"\0" in content[:8000]:
        return None
    return content.decode("utf-8", "replace")


def files(folder: Path) -> list[str]:
    """The names of what git tracks or would add. Raises CannotTell for no repository."""
    listed = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
    return [name for name in listed.decode("utf-8", "replace").split("\0") if name]


def tree(folder: Path, known: Mapping[str, str] | None = None) -> Scanned:
    """Every file that git tracks or would add; `known` are secrets by name. Raises CannotTell for no repository."""
    names = files(folder)
    done = Scanned(0, len(names), [])
    for name in names:
        file = folder / name
        done.examined += 1
        if file.is_symlink() or not file.is_file() or _boring(name) or file.stat().st_size > MOST_BYTES:
            continue
        text = text_of(file.read_bytes())
        if text is not None:
            done.hits += [Placed(name, hit) for hit in scan_for(text, known or {})]
    return done


def opened(file: Path) -> Iterator[tuple[str, str]]:
    """The texts of a file by name: those inside of it when it is an archive (zip, wheel, tar)."""
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                for one in archive.infolist():
                    if not one.is_dir() and one.file_size <= MOST_BYTES and not _boring(one.filename):
                        yield from _named(one.filename, archive.read(one))
        elif tarfile.is_tarfile(file):
            with tarfile.open(file) as tar:
                for member in tar:
                    if member.isfile() and member.size <= MOST_BYTES and not _boring(member.name):
                        inner = tar.extractfile(member)
                        yield from _named(member.name, inner.read() if inner else b"")
        elif file.stat().st_size <= MOST_BYTES and not _boring(file.name):
            yield from _named(file.name, file.read_bytes())
    except (OSError, tarfile.TarError, zipfile.BadZipFile, zlib.error) as error:
        raise CannotTell(file.name, f"{file.name} cannot be read: {error}", "build it again") from error


def _named(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    text = text_of(content)
    if text is not None:
        yield name, text


def _boring(name: str) -> bool:
    return Path(name).suffix.lower() in _SKIPPED or Path(name).name in _LOCKS


def history(folder: Path, known: Mapping[str, str] | None = None) -> Scanned:
    """Every blob that any ref reaches, each once, streamed through one git process."""
    listed = _git(folder, "rev-list", "--objects", "--all").decode("utf-8", "replace").splitlines()
    names: dict[str, str] = {}
    for line in listed:
        ident, _, path = line.partition(" ")
        if path:
            names.setdefault(ident, path)
    done = Scanned(0, 0, [])
    for ident, content in _blobs(folder, names):
        done.expected += 1
        done.examined += 1
        if content is None or _boring(names[ident]):
            continue
        text = text_of(content)
        if text is not None:
            done.hits += [Placed(names[ident], hit, ident) for hit in scan_for(text, known or {})]
    return done


def _blobs(folder: Path, names: dict[str, str]) -> Iterator[tuple[str, bytes | None]]:
    """The contents of blobs; None for one that is too large to be source."""
    with tempfile.TemporaryFile() as wanted:
        wanted.write("".join(f"{ident}\n" for ident in names).encode())
        wanted.seek(0)
        command = ["git", "-C", str(folder), "cat-file", "--batch", "--buffer"]
        with subprocess.Popen(command, stdin=wanted, stdout=subprocess.PIPE) as process:
            if process.stdout is None:
                raise CannotTell("history", "git could not be started")
            while head := process.stdout.readline().split():
                size = int(head[2]) if len(head) == 3 else 0
                content = process.stdout.read(size + 1)[:-1] if len(head) == 3 else b""
                if head[1:2] == [b"blob"]:
                    yield head[0].decode(), content if size <= MOST_BYTES else None
        if process.returncode:
            raise CannotTell("history", "git could not read the whole history", f"git -C {folder} fsck")


def commits_of(folder: Path, blob: str) -> str:
    """The first commit that had a blob, shortened."""
    found = _git(folder, "log", "--all", "--reverse", "--format=%h %as", f"--find-object={blob}")
    return found.decode("utf-8", "replace").partition("\n")[0]


def _git(folder: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotTell("repository", f"git did not answer: {error}", f"git -C {folder} status") from error
    if done.returncode:
        why = done.stderr.decode("utf-8", "replace").strip()[:200]
        raise CannotTell("repository", f"{folder} cannot be read by git: {why}", f"git -C {folder} status")
    return done.stdout

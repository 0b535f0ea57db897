"""The part of the server's log that was written since it was last read: from a file here, or through the server."""

from dataclasses import dataclass
from pathlib import Path

from golive.postgres.session import Connection, rows

MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class Part:
    """Whole entries, and where to go on: a file's name and an offset. `note` says why there is nothing."""

    text: str
    place: str
    offset: int
    note: str = ""


def of_file(pattern: str, place: str, offset: int) -> Part:
    """From the newest file of a pattern."""
    root = Path(pattern)
    found = [path for path in root.parent.glob(root.name) if path.is_file()] if root.is_absolute() else []
    if not found:
        return Part("", place, offset, f"there is no file {pattern} here: an absolute path or pattern is wanted")
    newest = max(found, key=lambda path: path.stat().st_mtime)
    begin = start(newest.stat().st_size, offset if str(newest) == place else 0)
    try:
        with newest.open("rb") as file:
            file.seek(begin)
            whole = entries(file.read(MOST_BYTES))
    except OSError as error:
        return Part("", place, offset, f"{newest} cannot be read: {error.strerror}")
    return Part(whole.decode(errors="replace"), str(newest), begin + len(whole))


def of_server(connection: Connection, place: str, offset: int) -> Part:
    """Through the server, where its collector writes a log and golive's role may read it."""
    may = "SELECT has_function_privilege('pg_read_binary_file(text, bigint, bigint, boolean)', 'execute') AS may"
    if not rows(connection, may)[0]["may"]:
        return Part("", place, offset, "golive's role may not read the server's log: [database.plans] log names a file")
    current = rows(connection, "SELECT pg_current_logfile() AS name")[0]["name"]
    if not current:
        return Part("", place, offset, "the server collects no log of its own: [database.plans] log names a file")
    size = int(rows(connection, "SELECT (pg_stat_file(%(name)s)).size AS size", {"name": current})[0]["size"])
    begin = start(size, offset if current == place else 0)
    read = "SELECT pg_read_binary_file(%(name)s, %(begin)s, %(most)s, true) AS part"
    whole = entries(
        bytes(rows(connection, read, {"name": current, "begin": begin, "most": MOST_BYTES})[0]["part"] or b"")
    )
    return Part(whole.decode(errors="replace"), current, begin + len(whole))


def start(size: int, offset: int) -> int:
    """Where to begin: a file that shrank is another one, and of a long gap only the end counts."""
    return max(offset if offset <= size else 0, size - MOST_BYTES)


def entries(part: bytes) -> bytes:
    """Without the last entry, of which more lines may follow: up to the last line that begins one."""
    end = len(part)
    while (end := part.rfind(b"\n", 0, end)) >= 0:
        following = part[end + 1 : end + 2]
        if following and following not in b"\t \n{}":
            return part[: end + 1]
    return b""

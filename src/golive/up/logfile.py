"""A log file of bounded size: when full it becomes `.1`, and `.1` becomes `.2`."""

from pathlib import Path


class LogFile:
    """Appends lines; keeps at most `kept` full files of `limit_bytes` beside the current one."""

    def __init__(self, path: Path, limit_bytes: int = 10_000_000, kept: int = 2) -> None:
        self.path, self.limit_bytes, self.kept = path, limit_bytes, kept
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._open()

    def _open(self) -> None:
        self._file = self.path.open("ab", buffering=0)
        self._size = self._file.tell()

    def write(self, line: bytes) -> None:
        """Append one line (with its newline). A full disk must not stop the process that logs: then it is lost."""
        if self._size + len(line) > self.limit_bytes and self._size:
            self._rotate()
        try:
            self._size += self._file.write(line) or 0
        except OSError:
            return

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self.kept, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else self.path
            if newer.exists():
                newer.replace(older)
        self._open()

    def close(self) -> None:
        self._file.close()

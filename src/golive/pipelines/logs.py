"""Logs of steps: one file each, a line is `seconds<TAB>text`, readable while it grows."""

import time
from collections.abc import Iterator
from pathlib import Path

from golive.kit.folders import data_folder

LARGEST = 64 << 20


def folder(project: str, number: int | str) -> Path:
    """Where a run's logs and artifacts are."""
    return data_folder() / "pipelines" / "runs" / project / str(number)


class Writer:
    """Writes the logs of a run's steps."""

    def __init__(self, place: Path) -> None:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.place = place
        self._began: dict[str, float] = {}
        self._sizes: dict[str, int] = {}

    def begin(self, step: str) -> None:
        """Start the step's log anew."""
        self._began[step] = time.monotonic()
        self._sizes[step] = 0
        (self.place / f"{step}.log").write_bytes(b"")

    def line(self, step: str, text: str) -> None:
        """Add a line; what passes the largest size is left out, and said so once."""
        entry = f"{time.monotonic() - self._began.get(step, time.monotonic()):.3f}\t{text}\n".encode()
        before = self._sizes.get(step, 0)
        self._sizes[step] = before + len(entry)
        if before > LARGEST:
            return
        if self._sizes[step] > LARGEST:
            entry = b"0\tgolive: the log is larger than 64 MiB; the rest is left out\n"
        with (self.place / f"{step}.log").open("ab") as file:
            file.write(entry)


def parse(text: str) -> tuple[float, str]:
    """Seconds and text of a line."""
    seconds, _, said = text.partition("\t")
    try:
        return float(seconds), said
    except ValueError:
        return 0.0, text


def lines(path: Path) -> Iterator[tuple[float, str]]:
    """All lines of a log; none when there is no log."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for line in file:
                yield parse(line.rstrip("\n"))
    except FileNotFoundError:
        return


class Tail:
    """The new whole lines of a log that grows."""

    def __init__(self, path: Path) -> None:
        self.path, self.at = path, 0

    def more(self) -> list[str]:
        """What was added since the last call."""
        try:
            with self.path.open("rb") as file:
                if self.path.stat().st_size < self.at:
                    self.at = 0
                file.seek(self.at)
                content = file.read(4 << 20)
        except FileNotFoundError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self.at += len(whole)
        return [parse(line)[1] for line in whole.decode(errors="replace").split("\n")[:-1]]

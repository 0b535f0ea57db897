"""The cache of results: by key, what a step said, what its tests gave, and what it made."""

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from golive.kit.folders import write_private

KEPT_DAYS = 14


@dataclass(frozen=True)
class Kept:
    """A result that was kept: only success is."""

    key: str
    seconds: float
    run: str  # the run that it comes from, for people: "#12"
    tests: Mapping[str, Any]
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs.tar"

    @property
    def reports(self) -> Path:
        return self.folder / "reports"


class Cache:
    """A folder of kept results. Any number of processes may use it: entries appear by rename and never change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def get(self, key: str) -> Kept | None:
        """The kept result of a key; asking for it keeps it longer."""
        place = self._place(key)
        try:
            about = orjson.loads((place / "result.json").read_bytes())
            os.utime(place)
        except (OSError, ValueError):
            return None
        return Kept(**{**about, "folder": place})

    def draft(self, key: str) -> Path:
        """An empty folder in which the entry of a key is made ready."""
        folder = self.folder / f".draft-{key[:16]}-{os.getpid()}-{time.monotonic_ns()}"
        folder.mkdir(mode=0o700)
        return folder

    def put(self, draft: Path, key: str, *, seconds: float, run: str, tests: Mapping[str, Any]) -> Kept:
        """Make a draft the entry of its key; when there is one already, that one stays."""
        place = self._place(key)
        kept = Kept(key, seconds, run, tests, place)
        about = {name: value for name, value in asdict(kept).items() if name != "folder"}
        write_private(draft / "result.json", orjson.dumps(about))
        place.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            draft.rename(place)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
        return kept

    def remember(self, name: str, parts: Mapping[str, str]) -> None:
        """Keep what the newest key of a step was made of, to explain the next."""
        write_private(self.folder / "parts" / f"{name}.json", orjson.dumps(parts))

    def remembered(self, name: str) -> dict[str, str] | None:
        """What the step's last key was made of."""
        try:
            found: dict[str, str] = orjson.loads((self.folder / "parts" / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return None
        return found

    def forget(self, older_than_seconds: float = KEPT_DAYS * 86400.0) -> int:
        """Remove entries that nobody asked for in this time; how many."""
        gone = 0
        for place in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            if time.time() - place.stat().st_mtime > older_than_seconds:
                shutil.rmtree(place, ignore_errors=True)
                gone += 1
        return gone

    def _place(self, key: str) -> Path:
        return self.folder / key[:2] / key

"""The flags as the evaluating process reads them: one small file, kept in memory and read again when it changes.

No Django here: an answer costs no query, and flags go on being served while the database is away.
"""

import hashlib
import hmac
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from golive.flags.evaluation import Flag, why_off
from golive.flags.notation import read_target

log = logging.getLogger(__name__)
FILE = "flags.json"  # below DATA/run


@dataclass(frozen=True)
class Place:
    """What a key opens: one environment of one project."""

    digest: str
    project: str
    environment: str


@dataclass(frozen=True)
class Snapshot:
    """All flags by project and environment, and the keys in force by digest."""

    keys: Mapping[str, Place]
    flags: Mapping[tuple[str, str], Mapping[str, Flag]]
    stamp: float = 0.0

    def of(self, place: Place) -> Mapping[str, Flag]:
        return self.flags.get((place.project, place.environment), {})

    def digest(self, place: Place, now: datetime) -> str:
        """What changes when any flag of this place does, be it by its schedule."""
        told = [(flag.key, flag.version, why_off(flag, now)) for flag in self.of(place).values()]
        return hashlib.blake2b(repr(told).encode(), digest_size=12).hexdigest()


class Published:
    """The snapshot of DATA/run/flags.json."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int, int] | None = None
        self._snapshot = Snapshot({}, {})
        self._lock = threading.Lock()

    def find(self, secret: str) -> Place | None:
        """The place that a key opens, or None."""
        digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
        place = self.snapshot().keys.get(digest)
        return place if place and hmac.compare_digest(place.digest, digest) else None

    def snapshot(self) -> Snapshot:
        """The newest snapshot; one that cannot be read leaves the one before in force."""
        try:
            about = self.path.stat()
            stamp = (about.st_mtime_ns, about.st_ino, about.st_size)
            if stamp != self._stamp:
                with self._lock:
                    if stamp != self._stamp:
                        self._snapshot = read(orjson.loads(self.path.read_bytes()), about.st_mtime)
                        self._stamp = stamp
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            log.exception("cannot read %s; the flags known before stay in force", self.path)
        return self._snapshot


def read(document: Mapping[str, Any], stamp: float = 0.0) -> Snapshot:
    """The snapshot of a published document. A flag without a state in an environment is off there."""
    keys = {digest: Place(digest, *told) for digest, told in document["keys"].items()}
    environments: dict[str, set[str]] = {}
    for place in keys.values():
        environments.setdefault(place.project, set()).add(place.environment)
    flags: dict[tuple[str, str], dict[str, Flag]] = {}
    for told in document["flags"]:
        project = told["project"]
        for environment in environments.get(project, set()) | set(told["states"]):
            flags.setdefault((project, environment), {})[told["key"]] = _flag(told, told["states"].get(environment))
    return Snapshot(keys, flags, stamp)


def _flag(told: Mapping[str, Any], state: Mapping[str, Any] | None) -> Flag:
    about = {"key": told["key"], "variants": told["variants"], "off": told["off"]}
    if state is None:
        return Flag(**about)
    return Flag(
        **about,
        on=state["on"],
        killed=state["killed"],
        targets=tuple(read_target(text, told["variants"]) for text in state["targets"]),
        split=state["split"],
        on_at=_instant(state["on_at"]),
        off_at=_instant(state["off_at"]),
        version=state["version"],
    )


def _instant(stamp: float | None) -> datetime | None:
    return datetime.fromtimestamp(stamp, UTC) if stamp is not None else None

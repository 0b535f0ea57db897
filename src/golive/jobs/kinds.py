"""The registry of job kinds. A room registers its kinds when its `tasks.py` is imported."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from golive.rooms import modules


class JobError(Exception):
    """A job cannot be run or has failed in a way that trying again will not mend; the message says why."""


@dataclass
class Work:
    """What a running job is given. Whatever it prints is kept as the job's output."""

    job_id: int
    payload: dict[str, Any]
    tell: Callable[[float | None, str], None] = field(repr=False)

    def progress(self, share: float | None, note: str = "") -> None:
        """Say how far it is (0..1, None for unknown) and what it does now; cheap to call often."""
        self.tell(share, note)


@dataclass(frozen=True)
class Kind:
    """A kind of job: `run` returns its result (JSON) or raises. It may be run again after a crash: be idempotent."""

    name: str
    run: Callable[[Work], Any]
    timeout: timedelta = timedelta(hours=1)
    max_attempts: int = 3


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    if kind.name in _kinds:
        raise ValueError(f"job kind {kind.name} is registered twice")
    _kinds[kind.name] = kind
    return kind


def kind_of(name: str) -> Kind:
    """The kind of this name. Raises JobError naming those that exist."""
    for _ in modules("tasks"):  # importing them registers their kinds
        pass
    if name not in _kinds:
        raise JobError(f"there is no job kind {name!r}; there are {', '.join(sorted(_kinds)) or 'none'}")
    return _kinds[name]

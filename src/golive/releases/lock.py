"""One deploy at a time in an environment. The kernel gives a lock back when its holder dies, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from golive.releases.errors import Refused
from golive.releases.host.place import place
from golive.releases.models import Environment, Release


@contextmanager
def held(environment: Environment) -> Iterator[None]:
    """Hold the environment's lock. Raises Refused when somebody else does."""
    with _hold(f"e{environment.pk}") as ours:
        if not ours:
            raise Refused(f"Another deploy to {environment.name} is under way; wait for it or look at it.")
        yield


def is_held(environment: Environment) -> bool:
    """Whether somebody works on the environment now."""
    with _hold(f"e{environment.pk}") as ours:
        return not ours


@contextmanager
def building(release: Release) -> Iterator[None]:
    """Show for as long as a build goes on that somebody is at it."""
    try:
        with _hold(f"r{release.pk}"):
            yield
    finally:
        _file(f"r{release.pk}").unlink(missing_ok=True)


def is_built(release: Release) -> bool:
    """Whether somebody builds the release now."""
    with _hold(f"r{release.pk}") as ours:
        return not ours


def _file(name: str) -> Path:
    folder = place().root / "locks"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{name}.lock"


@contextmanager
def _hold(name: str) -> Iterator[bool]:
    with _file(name).open("a+") as file:
        os.set_inheritable(file.fileno(), False)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True

"""One deploy at a time in an environment. The kernel gives the lock back when its holder dies, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from golive.releases.errors import Refused
from golive.releases.host.place import place
from golive.releases.models import Environment


@contextmanager
def held(environment: Environment) -> Iterator[None]:
    """Hold the environment's lock. Raises Refused when somebody else does."""
    folder = place().root / "locks"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / f"e{environment.pk}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refused(f"Another deploy to {environment.name} is under way; wait for it or look at it.") from None
        os.set_inheritable(file.fileno(), False)
        yield


def is_held(environment: Environment) -> bool:
    """Whether somebody works on the environment now."""
    try:
        with held(environment):
            return False
    except Refused:
        return True

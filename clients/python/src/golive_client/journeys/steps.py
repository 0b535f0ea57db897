"""The steps of a journey: named, timed, and told on its page."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Step:
    """One step: how long it took, and why it failed if it did."""

    name: str
    seconds: float = 0.0
    ok: bool = False
    reason: str = ""


@dataclass
class Running:
    """The steps of the test that runs."""

    steps: list[Step] = field(default_factory=list)

    def begin(self) -> None:
        self.steps = []


NOW = Running()


@contextmanager
def step(name: str) -> Iterator[Step]:
    """Name a part of a journey: `with step("log in"): ...`."""
    one = Step(name)
    NOW.steps.append(one)
    began = time.perf_counter()
    try:
        yield one
        one.ok = True
    except BaseException as error:
        one.reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise
    finally:
        one.seconds = time.perf_counter() - began

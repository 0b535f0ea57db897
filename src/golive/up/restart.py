"""The decision when a process that died is started again."""

from dataclasses import dataclass

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
STABLE_SECONDS = 60.0


@dataclass(frozen=True)
class Restart:
    """Start again after `delay_seconds`; `failures` in a row so far, to be handed to the next decision."""

    delay_seconds: float
    failures: int
    reason: str


def decide(failures: int, ran_seconds: float) -> Restart:
    """Back off twice as long after each failure in a row; a run of a minute or more forgives the past."""
    if ran_seconds >= STABLE_SECONDS:
        return Restart(FIRST_SECONDS, 1, f"ran well for {ran_seconds:.0f} s before")
    failures += 1
    delay = min(FIRST_SECONDS * 2.0 ** min(failures - 1, 16), LONGEST_SECONDS)
    return Restart(delay, failures, f"failure {failures} in a row")

"""The release command, which migrates: it waits for locks only shortly, and is tried again when one was in its way."""

import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from golive.releases import apart, runtime
from golive.releases.errors import StepFailed
from golive.releases.models import Deploy
from golive.releases.target import Tell

MIGRATE_SECONDS = 1800.0
LOCK = re.compile(r"lock[ _]?timeout|LockNotAvailable|55P03|canceling statement due to lock", re.IGNORECASE)


@dataclass(frozen=True)
class Again:
    """Whether a migration that failed is tried again, after how long, and why."""

    again: bool
    reason: str
    after: timedelta = timedelta()


def decide(output: str, tries: int, most: int, chance: float) -> Again:
    """After `tries` tries; `chance` (0..1) spreads the waiting so that two never meet for ever."""
    if not LOCK.search(output):
        return Again(False, "it failed by itself")
    if tries >= most:
        return Again(False, f"a lock was in its way {tries} times")
    return Again(True, "a lock was in its way", timedelta(seconds=min(0.5 * 2.0**tries, 10.0) * (0.5 + chance)))


def patient(environment: Mapping[str, str], lock_timeout: timedelta) -> dict[str, str]:
    """The environment with libpq told to give up on locks: a migration that queues blocks everybody behind it."""
    option = f"-c lock_timeout={max(1, round(lock_timeout.total_seconds() * 1000))}"
    return {**environment, "PGOPTIONS": f"{environment.get('PGOPTIONS', '')} {option}".strip()}


def migrate(deploy: Deploy, tell: Tell) -> str:
    """Run the release command, again when a lock was in its way. Raises StepFailed."""
    settings = runtime.settings_of(deploy.release)
    environment = patient(runtime.deploy_environment(deploy), settings.lock_timeout)
    words = runtime.argv(settings.release, environment)
    tries = 0
    while True:
        tries += 1
        ended = apart.run(
            deploy.environment, words, Path(deploy.release.folder), environment, tell, timeout_seconds=MIGRATE_SECONDS
        )
        if ended.well:
            return f"in {ended.took_seconds:.1f} s" + (f", at the {tries}. try" if tries > 1 else "")
        decision = decide(ended.output, tries, settings.lock_tries, random.random())  # noqa: S311
        if not decision.again:
            raise StepFailed(f"The migration failed ({decision.reason}): `{settings.release}` {ended.said}")
        tell(f"{decision.reason}; again in {decision.after.total_seconds():.1f} s")
        time.sleep(decision.after.total_seconds())

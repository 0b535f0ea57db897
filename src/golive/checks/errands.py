"""Journeys that a probe runs elsewhere: what the server asks for, and what a probe lets itself be asked.

The server names files, an address and variables; code, interpreter and the variables' values are the probe's own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from golive.checks.kinds.journey import PATTERNS, JourneySection
from golive.checks.models import Probe
from golive.checks.network import silence
from golive.checks.probe import REGION, Target
from golive.checks.verdict import Outcome
from golive.journeys import Outcome as JourneyOutcome

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
PRIVATE = ("GOLIVE_PROBE_TOKEN", "GOLIVE_PROBE_UPDATE")  # the probe's own
OUTCOMES = {
    JourneyOutcome.PASSED: Outcome.UP,
    JourneyOutcome.FAILED: Outcome.DOWN,
    JourneyOutcome.UNKNOWN: Outcome.FAULT,
}
MEANT = {outcome: meant for meant, outcome in OUTCOMES.items()}


class NotAllowed(Exception):
    """The probe does not run this; the message says why."""


class Errand(BaseModel):
    """A journey check as a probe is asked for it. Seconds; `shift` as in a target; `variables` are names only."""

    model_config = ConfigDict(extra="ignore", frozen=True)  # a newer server says more
    number: int
    name: str
    files: Annotated[list[str], Field(min_length=1, max_length=50)]
    url: Annotated[str, Field(max_length=2000)]
    every: Annotated[float, Field(ge=1)]
    timeout: Annotated[float, Field(ge=1, le=1800)]
    proves: list[str] = []
    variables: list[str] = []
    shift: float = 0.0

    def address(self) -> str:
        """The site. Raises NotAllowed when there is none."""
        if not self.url.startswith(("https://", "http://")):
            raise NotAllowed("there is no address to run against; give [app] url, or url to the check")
        return self.url


def errand_of(target: Target, wanted: JourneySection) -> dict[str, Any]:
    """What is sent of a journey check: no value of a variable, no interpreter."""
    return {
        "number": target.number,
        "name": target.name,
        "files": list(wanted.file),
        "url": target.url,
        "every": wanted.every.total_seconds(),
        "timeout": wanted.timeout.total_seconds(),
        "proves": list(wanted.proves),
        "variables": sorted(wanted.environment),
        "shift": target.shift,
    }


@dataclass(frozen=True)
class Repository:
    """The user's repository at the probe, and the Python that runs its journeys (its .venv's when None)."""

    folder: Path
    python: Path | None = None

    def allowed(self, files: Sequence[str]) -> list[str]:
        """The files below the folder that journeys may be run from. Raises NotAllowed."""
        return [self._allowed(file) for file in files]

    def _allowed(self, file: str) -> str:
        home = self.folder.resolve()
        given = PurePosixPath(file)
        if "\0" in file or given.is_absolute() or ".." in given.parts:
            raise NotAllowed(f"{file!r} leaves the folder of journeys")
        if not any(fnmatch(given.name, pattern) for pattern in PATTERNS):
            raise NotAllowed(f"{file!r} is not named like a journey: {' or '.join(PATTERNS)}")
        try:
            found = (home / given).resolve(strict=True)
        except (OSError, RuntimeError):
            raise NotAllowed(f"the probe's repository has no {file!r}; update it") from None
        if not found.is_relative_to(home):
            raise NotAllowed(f"{file!r} leads out of the folder of journeys")
        if not found.is_file() or not any(fnmatch(found.name, pattern) for pattern in PATTERNS):
            raise NotAllowed(f"{file!r} is no file of journeys")
        return str(found.relative_to(home))


def variables_of(names: Sequence[str], own: Mapping[str, str]) -> dict[str, str]:
    """The variables of a journey from the probe's own environment. Raises NotAllowed."""
    for name in names:
        if not VARIABLE.fullmatch(name) or name in PRIVATE:
            raise NotAllowed(f"the variable {name!r} is not handed to journeys")
    missing = [name for name in names if name not in own]
    if missing:
        raise NotAllowed(f"the environment of the probe lacks {', '.join(missing)}")
    return {name: own[name] for name in names}


def able(details: Mapping[str, Any]) -> bool:
    """Whether a probe said that it can run journeys."""
    return bool(details.get("journeys"))


def out_of(wanted: Sequence[str], probes: Sequence[Probe], now: datetime) -> dict[str, str]:
    """Each region that a journey is to run in, with why it does not count now ("" when it does)."""
    return {region: "" if region == REGION else _out(region, probes, now) for region in wanted}


def _out(region: str, probes: Sequence[Probe], now: datetime) -> str:
    there = [probe for probe in probes if probe.region == region and able(probe.details)]
    if not there:
        return "has no probe that runs journeys"
    silences = [silence(probe.seen_at, now) for probe in there]
    return min(silences, key=bool)


def way_out(region: str, probes: Sequence[Probe]) -> str:
    """Why a region cannot run journeys and what to do, in one sentence; "" when it can."""
    there = [probe for probe in probes if probe.region == region]
    if any(able(probe.details) for probe in there):
        return ""
    if there:
        names = " or ".join(probe.name for probe in there)
        return f"start its probe {names} with `--journeys FOLDER`, FOLDER being a checkout of your repository there"
    return (
        f"admit a probe with `golive probe add NAME --region {region}` and start it with `--journeys FOLDER`, FOLDER "
        "being a checkout of your repository there"
    )


def patience_of(every: timedelta, timeout: timedelta) -> timedelta:
    """How long a run says something about the present: three intervals and the run itself."""
    return every * 3 + timeout

"""A run as a probe elsewhere tells of it: bounded, and checked on arrival. Its evidence follows file by file."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from golive.journeys.results import Outcome, Result, Results

LONGEST_DETAIL = 2_000
MOST_JOURNEYS = 30
MOST_FILES = 8
SUFFIXES = (".png", ".jsonl", ".zip")
FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}")
Name = Annotated[str, Field(max_length=120)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]


class ToldStep(BaseModel):
    """A named part of a journey."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    seconds: Seconds
    ok: bool


class ToldFile(BaseModel):
    """A piece of evidence: a name without any folder."""

    model_config = ConfigDict(extra="forbid")
    kind: Annotated[str, Field(pattern="^[a-z]{1,20}$")]
    file: Annotated[str, Field(pattern=f"^{FILE.pattern}$")]


class ToldJourney(BaseModel):
    """One journey of a run."""

    model_config = ConfigDict(extra="forbid")
    test: Annotated[str, Field(max_length=300)]
    name: Name
    proves: Annotated[list[Name], Field(max_length=20)]
    outcome: Outcome
    reason: Annotated[str, Field(max_length=400)]
    seconds: Seconds
    trace_id: Annotated[str, Field(pattern="^[0-9a-f]{0,32}$")]
    detail: Annotated[str, Field(max_length=LONGEST_DETAIL)] = ""
    steps: Annotated[list[ToldStep], Field(max_length=50)] = []
    evidence: Annotated[list[ToldFile], Field(max_length=MOST_FILES)] = []


class ToldRun(BaseModel):
    """One run. `key` names it for its evidence; `place` is where that lies at the probe until it is taken."""

    model_config = ConfigDict(extra="forbid")
    key: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    seconds: Seconds
    place: Annotated[str, Field(max_length=300)] = ""
    results: Annotated[list[ToldJourney], Field(max_length=MOST_JOURNEYS)] = []

    @property
    def files(self) -> list[str]:
        return [one.file for result in self.results for one in result.evidence]


def told_of(found: Results, key: str, place: str) -> ToldRun:
    """What is told of a run: failures before what passed when there are too many journeys, the end of long texts."""
    first = sorted(found.results, key=lambda result: result.outcome is Outcome.PASSED)[:MOST_JOURNEYS]
    kept = [result for result in found.results if result in first]
    told = ToldRun(key=key, seconds=found.took.total_seconds(), results=[_told(result) for result in kept])
    return told.model_copy(update={"place": place[:300]}) if told.files else told


def _told(result: Result) -> ToldJourney:
    passed = result.outcome is Outcome.PASSED
    files = [one for one in result.evidence if one.path.suffix in SUFFIXES and FILE.fullmatch(one.path.name)]
    return ToldJourney(
        test=result.test[-300:],
        name=result.name[:120],
        proves=[name[:120] for name in result.proves[:20]],
        outcome=result.outcome,
        reason=result.reason[:400],
        seconds=round(result.seconds, 3),
        trace_id=result.trace_id if re.fullmatch("[0-9a-f]{0,32}", result.trace_id) else "",
        detail="" if passed else result.detail[-LONGEST_DETAIL:],
        steps=[ToldStep(name=s.name[:120], seconds=round(s.seconds, 3), ok=s.ok) for s in result.steps[:50]],
        evidence=[] if passed else [ToldFile(kind=one.kind, file=one.path.name) for one in files[:MOST_FILES]],
    )

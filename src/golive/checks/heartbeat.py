"""Decide from a job's pings whether it runs as it should. Pure: no clock, no database.

The signals are those of Healthchecks: a plain ping is a success, /start begins a run, /fail or an exit status other
than 0 is a failure, /log says something and changes nothing. `run` is the id (`rid`) that ties an end to its start.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from golive.alerts.models import State
from golive.checks.verdict import Because, Verdict
from golive.kit.durations import format_duration

MOST_OPEN = 20


class Signal(StrEnum):
    """What a ping says."""

    SUCCESS = "success"
    START = "start"
    FAIL = "fail"
    LOG = "log"


@dataclass(frozen=True)
class Expectation:
    """How often a run ends, how late it may be, and how long one may take."""

    every: timedelta
    grace: timedelta
    longest: timedelta


@dataclass(frozen=True)
class Pulse:
    """What is known of a job: since when golive waits, its last success and failure, and its open runs by id."""

    since: datetime
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    failure: str = ""
    runs: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Taken:
    """The pulse after a ping, and what the ping said: `ok` is None where it neither succeeded nor failed."""

    pulse: Pulse
    reason: str
    ok: bool | None = None
    took: timedelta | None = None


def take(pulse: Pulse, signal: Signal, at: datetime, run: str = "", exit_status: int | None = None) -> Taken:
    """Take one ping in."""
    if signal is Signal.LOG:
        return Taken(pulse, "said something")
    if signal is Signal.START:
        others = [each for each in pulse.runs if each != run or run == ""]
        newest = sorted({**pulse.runs, run: at}.items(), key=lambda item: item[1])[-MOST_OPEN:]
        said = "began while another run was still open" if others else "began"
        return Taken(replace(pulse, runs=dict(newest)), said)
    began = pulse.runs.get(run)
    took = at - began if began is not None and at >= began else None
    ended = replace(pulse, runs={each: start for each, start in pulse.runs.items() if each != run})
    words = f" after {format_duration(took)}" if took is not None else ""
    if signal is Signal.SUCCESS:
        return Taken(replace(ended, succeeded_at=at, failed_at=None, failure=""), f"ran well{words}", True, took)
    failure = "the job says that it failed" + (f", with exit status {exit_status}" if exit_status else "")
    return Taken(replace(ended, failed_at=at, failure=failure), failure + words, False, took)


def decide(pulse: Pulse, wanted: Expectation, now: datetime, listening_since: datetime | None = None) -> Verdict:
    """Whether the job is well at `now`: it failed, a run takes too long, none came, or all is as expected.

    A ping that was due before `listening_since` may have met a golive that was not there: nobody can tell, until the
    grace has passed once more.
    """
    if pulse.failed_at is not None:
        return Verdict(State.FIRING, Because.REPORTED, pulse.failure, pulse.failed_at)
    if pulse.runs:
        oldest = min(pulse.runs.values())
        if now > oldest + wanted.longest:
            text = (
                f"the run that began at {oldest:%Y-%m-%d %H:%M} UTC is not done after {format_duration(wanted.longest)}"
            )
            return Verdict(State.FIRING, Because.OVERRUN, text, oldest + wanted.longest)
    due = (pulse.succeeded_at or pulse.since) + wanted.every
    if now > due + wanted.grace and listening_since and due < listening_since and now <= listening_since + wanted.grace:
        text = f"a ping was due at {due:%H:%M} UTC, before golive itself began to listen at {listening_since:%H:%M}"
        return Verdict(State.UNKNOWN, Because.NO_DATA, text, due)
    if now > due + wanted.grace:
        last = f"the last was {pulse.succeeded_at:%Y-%m-%d %H:%M} UTC" if pulse.succeeded_at else "there never was one"
        text = f"no ping by {due + wanted.grace:%Y-%m-%d %H:%M} UTC; {last}"
        return Verdict(State.FIRING, Because.MISSING, text, due)
    if pulse.succeeded_at is None:
        return Verdict(State.UNKNOWN, Because.NO_DATA, "waiting for its first ping", None)
    overlap = f"; {len(pulse.runs)} runs overlap" if len(pulse.runs) > 1 else ""
    if now > due:
        text = f"late since {due:%H:%M} UTC, still within its grace of {format_duration(wanted.grace)}{overlap}"
        return Verdict(State.OK, Because.LATE, text, pulse.succeeded_at)
    text = f"ran well at {pulse.succeeded_at:%Y-%m-%d %H:%M} UTC{overlap}"
    return Verdict(State.OK, Because.UP, text, pulse.succeeded_at)

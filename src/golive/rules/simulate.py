"""Run a rule over readings of the past: when would it have fired, how loudly, for how long? Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from golive.alerts.models import Severity, State
from golive.rules.condition import Memory, Reading, Timing, decide


@dataclass(frozen=True)
class Firing:
    """One time at which a rule would have fired; `until` None when it still did at the end."""

    key: str
    subject: str
    severity: Severity
    began_at: datetime
    at: datetime
    until: datetime | None
    reason: str
    title: str
    value: float | None = None
    service: str = ""

    def lasted(self, end: datetime) -> timedelta:
        return (self.until or end) - self.at


def simulate(steps: Iterable[tuple[datetime, Iterable[Reading]]], timing: Timing) -> list[Firing]:
    """All firings, in the order in which they began."""
    memories: dict[str, Memory] = {}
    subjects: dict[str, str] = {}
    live: dict[str, Firing] = {}
    done: list[Firing] = []
    for at, found in steps:
        readings: Mapping[str, Reading] = {one.key: one for one in found}
        for key in memories.keys() | readings.keys():
            subjects.setdefault(key, readings[key].subject if key in readings else key)
            reading = readings.get(key) or Reading(key, subjects[key], "no data arrives any more", known=False)
            decision = decide(memories.get(key, Memory()), reading, timing, at)
            memories[key] = decision.memory
            if not decision.flipped:
                continue
            if decision.memory.state != State.FIRING:
                if key in live:
                    done.append(replace(live.pop(key), until=at))
            elif key in live:
                live[key] = replace(live[key], severity=decision.memory.severity, reason=decision.reason)
            else:
                live[key] = Firing(
                    key,
                    reading.subject,
                    decision.memory.severity,
                    decision.began_at or at,
                    at,
                    None,
                    decision.reason,
                    reading.title,
                    reading.value,
                    reading.service,
                )
    return sorted([*done, *live.values()], key=lambda one: (one.at, one.key))

"""`golive rules test`: cases beside golive.toml say what a rule must do with values of a query, minute by minute. Pure.

[[case]]
rule = "checkout-errors"
every = "1m"
series = { "" = "0x5 12x10 0x10" }     # by the query's groups, "web" or "web, eu"; VALUExTIMES, _ is no data
fires = "6m"                            # after how long it must have fired, or fires = false
severity = "critical"
recovers = "17m"
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from golive.config.values import Duration
from golive.kit.durations import format_duration
from golive.rules import declared
from golive.rules.evaluate import timing_of
from golive.rules.expression import Expression
from golive.rules.section import kind_of
from golive.rules.series import Group, Ticks, Values
from golive.rules.settings import Query, RuleSettings
from golive.rules.simulate import Firing, simulate

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
MOST = 20_000
_STEP = re.compile(r"(?P<value>_|-?\d+(?:\.\d+)?)(?:x(?P<times>\d{1,5}))?")


class CaseError(ValueError):
    """The case cannot be run; the message says why."""


class Case(BaseModel):
    """One case of a rule."""

    model_config = ConfigDict(extra="forbid")
    rule: str
    """The rule's name in golive.toml."""
    name: str = ""
    """What the case shows, for whoever reads a failure."""
    every: Duration = Field(default=timedelta(minutes=1), ge=timedelta(seconds=10))
    """How far apart the values are. A value stands for the whole window that ends at its instant."""
    series: dict[str, str]
    """The values of the query by its groups."""
    past: dict[str, str] = {}
    """What the same windows held before: against `change` once, against `anomaly` in every past week."""
    fires: Duration | bool = True
    """After how long it must have fired, counted from the first value; false when it must not fire."""
    severity: str = ""
    """How loud it must get."""
    recovers: Duration | bool | None = None
    """After how long it must be well again; false when it must not recover."""


class CaseFile(BaseModel):
    """A file of cases."""

    model_config = ConfigDict(extra="forbid")
    case: list[Case] = Field(min_length=1)


@dataclass(frozen=True)
class Outcome:
    """What a case showed; `problems` is empty when it passed."""

    case: Case
    problems: Sequence[str]
    firings: Sequence[Firing]


@dataclass(frozen=True)
class Told:
    """The values of a case in place of the store's; the past repeats what was given for it, or the first value."""

    now: Mapping[Group, Values]
    past: Mapping[Group, Values]
    first: float
    step: float

    def values(self, expression: Expression, window: timedelta, ticks: Ticks) -> Mapping[Group, Values]:
        late = ticks.first >= self.first - self.step / 2
        given = self.now if late else self.past
        offset = round((ticks.first - self.first) / self.step) if late else 0
        return {
            group: [_place(series, offset + number, late) for number in range(ticks.count)]
            for group, series in given.items()
        }


def _place(series: Values, number: int, late: bool) -> float | None:
    if late:
        return series[number] if 0 <= number < len(series) else None
    return series[min(number, len(series) - 1)] if series else None


def values(text: str) -> list[float | None]:
    """ "0x5 12x10 _": values, how often each, and where there is no data. Raises CaseError."""
    found: list[float | None] = []
    for word in text.split():
        match = _STEP.fullmatch(word)
        if match is None:
            raise CaseError(f"{word!r} is no value; write VALUE, VALUExTIMES or _ for no data")
        found += [None if match["value"] == "_" else float(match["value"])] * int(match["times"] or 1)
        if len(found) > MOST:
            raise CaseError(f"more than {MOST} values")
    return found


def run(case: Case, rules: Mapping[str, RuleSettings]) -> Outcome:
    """Run a case. Raises CaseError when it is not about a rule over a query."""
    settings = rules.get(case.rule)
    if settings is None:
        raise CaseError(f"there is no rule {case.rule}; rules are {', '.join(rules) or 'none'}")
    if not isinstance(settings, Query):
        raise CaseError(f"{case.rule} is not about a query; run it over recorded history instead")
    now = {_group(name): values(text) for name, text in case.series.items()}
    count = max((len(series) for series in now.values()), default=0)
    if not count:
        raise CaseError("the series is empty")
    step, first = case.every.total_seconds(), BEGIN.timestamp()
    before = {_group(name): values(text) for name, text in case.past.items()}
    before = before or {group: [next((v for v in series if v is not None), None)] for group, series in now.items()}
    steps = declared.readings(settings, Told(now, before, first, step), Ticks(first, step, count))
    instants = [BEGIN + case.every * number for number in range(count)]
    firings = simulate(zip(instants, steps, strict=True), timing_of(kind_of(settings), settings))
    return Outcome(case, list(_problems(case, firings)), firings)


def _group(name: str) -> Group:
    return tuple(part.strip() for part in name.split(",")) if name.strip() else ()


def _problems(case: Case, firings: Sequence[Firing]) -> list[str]:
    first = firings[0] if firings else None
    if case.fires is False:
        return [f"it fired after {format_duration(first.at - BEGIN)}: {first.reason}"] if first else []
    if first is None:
        return ["it did not fire"]
    found = []
    after = first.at - BEGIN
    if isinstance(case.fires, timedelta) and after > case.fires:
        found.append(f"it fired after {format_duration(after)}, not by {format_duration(case.fires)}")
    if case.severity and first.severity != case.severity:
        found.append(f"it was {first.severity}, not {case.severity}")
    if case.recovers is False and first.until:
        found.append(f"it recovered after {format_duration(first.until - BEGIN)}")
    if case.recovers is True and not first.until:
        found.append("it did not recover")
    if isinstance(case.recovers, timedelta):
        if first.until is None:
            found.append("it did not recover")
        elif first.until - BEGIN > case.recovers:
            late = format_duration(first.until - BEGIN)
            found.append(f"it recovered after {late}, not by {format_duration(case.recovers)}")
    return found

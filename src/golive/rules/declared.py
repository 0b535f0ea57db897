"""Readings of declared rules over a query, at one instant or at thousands: live and back-test are the same code."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from golive.rules import judge
from golive.rules.condition import Reading
from golive.rules.expression import Expression, parse
from golive.rules.series import Group, Source, Ticks, Values
from golive.rules.settings import Absence, Anomaly, Change, Query, Threshold

WEEK = timedelta(days=7)
AROUND = (-2, -1, 0, 1, 2)  # windows around the same hour of a past week


def readings(settings: Query, source: Source, ticks: Ticks) -> list[list[Reading]]:
    """For each instant what each series reads. Raises StoreError."""
    expression = parse(settings.query)
    if isinstance(settings, Threshold):
        found = _threshold(settings, expression, source, ticks)
    elif isinstance(settings, Absence):
        found = _absence(settings, expression, source, ticks)
    elif isinstance(settings, Change):
        found = _change(settings, expression, source, ticks)
    elif isinstance(settings, Anomaly):
        found = _anomaly(settings, expression, source, ticks)
    else:
        raise TypeError(f"{type(settings).__name__} is no rule over a query")
    if not settings.together:
        return found
    return [judge.together(each, settings.title or expression.text) for each in found]


def _threshold(settings: Threshold, expression: Expression, source: Source, ticks: Ticks) -> list[list[Reading]]:
    values = source.values(expression, settings.window, ticks)
    return [
        [judge.threshold(settings, expression, group, series[tick]) for group, series in values.items()]
        for tick in range(ticks.count)
    ]


def _absence(settings: Absence, expression: Expression, source: Source, ticks: Ticks) -> list[list[Reading]]:
    now = source.values(expression, settings.window, ticks)
    before = source.values(expression, settings.remember, ticks)
    groups = {**before, **now}
    return [
        [
            judge.absence(settings, expression, group, _at(now, group, tick), bool(_at(before, group, tick)))
            for group in groups
            if not expression.by or _at(before, group, tick) is not None
        ]
        for tick in range(ticks.count)
    ]


def _change(settings: Change, expression: Expression, source: Source, ticks: Ticks) -> list[list[Reading]]:
    now = source.values(expression, settings.window, ticks)
    then = source.values(expression, settings.window, ticks.earlier(settings.against))
    counted = expression.right is None and expression.left.counted
    groups = {**then, **now}
    nothing = 0.0 if counted else None
    return [
        [
            judge.change(settings, expression, group, _at(now, group, tick, nothing), _at(then, group, tick))
            for group in groups
        ]
        for tick in range(ticks.count)
    ]


def _anomaly(settings: Anomaly, expression: Expression, source: Source, ticks: Ticks) -> list[list[Reading]]:
    now = source.values(expression, settings.window, ticks)
    weeks = [_around(settings, expression, source, ticks.earlier(WEEK * k)) for k in range(1, settings.weeks + 1)]
    counted = expression.right is None and expression.left.counted
    groups = {group: None for each in [now, *(past for week in weeks for past in week)] for group in each}
    nothing = 0.0 if counted else None
    return [
        [
            judge.anomaly(
                settings,
                expression,
                group,
                _at(now, group, tick, nothing),
                [_at(past, group, tick) for week in weeks for past in week],
            )
            for group in groups
        ]
        for tick in range(ticks.count)
    ]


def _around(
    settings: Anomaly, expression: Expression, source: Source, ticks: Ticks
) -> Sequence[Mapping[Group, Values]]:
    """The windows around each instant of a past week: five series aligned with the instants."""
    window = settings.window.total_seconds()
    if ticks.count == 1:  # one question for all five
        wide = source.values(expression, settings.window, Ticks(ticks.first + AROUND[0] * window, window, len(AROUND)))
        return [{group: [series[place]] for group, series in wide.items()} for place in range(len(AROUND))]
    apart = max(1, round(window / ticks.step))
    wide = source.values(
        expression,
        settings.window,
        Ticks(ticks.first + AROUND[0] * apart * ticks.step, ticks.step, ticks.count + 4 * apart),
    )
    return [
        {group: series[place * apart : place * apart + ticks.count] for group, series in wide.items()}
        for place in range(len(AROUND))
    ]


def _at(values: Mapping[Group, Values], group: Group, tick: int, nothing: float | None = None) -> float | None:
    series = values.get(group)
    if series is None:
        return nothing
    return series[tick]

"""Judge the values of declared rules. Pure: values of a query go in, a reading with its words comes out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from statistics import median
from typing import Any

from golive.alerts.models import Severity
from golive.kit.durations import format_duration
from golive.rules.condition import CLEAR_SHARE, Reading
from golive.rules.expression import Expression
from golive.rules.settings import Absence, Anomaly, Change, Query, Threshold

LEAST_SAMPLES = 3
SPREAD = 1.4826  # the median absolute deviation of normally distributed values, in standard deviations
LEAST_SPREAD = 0.1  # of the median: what is usually constant may differ by a tenth before that is odd


def base(settings: Query, expression: Expression, group: tuple[str, ...]) -> dict[str, Any]:
    """What every reading of a series has."""
    labels = dict(zip(expression.by, group, strict=False))
    named = ", ".join(value or "none" for value in group)
    title = settings.title or expression.text
    return {
        "key": "/".join(group)[:200] or "all",
        "subject": named or title,
        "service": labels.get("service") or settings.service,
        "environment": labels.get("environment") or "production",
        "title": f"{title}: {named}" if named else title,
        "evidence": {"query": expression.text, "labels": labels, "window_seconds": settings.window.total_seconds()},
    }


def said(value: float, unit: str = "") -> str:
    """A value in the query's unit."""
    if unit == "ms":
        return format_duration(timedelta(milliseconds=value))
    if unit == "share":
        return f"{value * 100:.3g} %"
    number = f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
    return f"{number} {unit}".strip()


def threshold(settings: Threshold, expression: Expression, group: tuple[str, ...], value: float | None) -> Reading:
    """The value against its levels; recovery asks for a tenth of a margin."""
    common, window = base(settings, expression, group), format_duration(settings.window)
    if value is None:
        return Reading(**common, known=False, text=f"no data in {window}")
    below = settings.direction == "below"
    breach, level = None, settings.warning if settings.warning is not None else settings.critical
    for severity, limit in ((Severity.CRITICAL, settings.critical), (Severity.WARNING, settings.warning)):
        if limit is not None and (value <= limit if below else value >= limit):
            breach, level = severity, limit
            break
    levels = [each for each in (settings.warning, settings.critical) if each is not None]
    if below:
        highest = max(levels)
        clear = value >= highest / CLEAR_SHARE if highest > 0 else value > highest
    else:
        lowest = min(levels)
        clear = value <= lowest * CLEAR_SHARE if lowest > 0 else value < lowest
    told = f"; threshold {said(level, expression.unit)}" if level is not None else ""
    return Reading(
        **common,
        text=f"{_name(settings, expression)} is {said(value, expression.unit)} in {window}{told}",
        breach=breach,
        clear=clear and breach is None,
        value=value,
        threshold=level,
    )


def absence(
    settings: Absence, expression: Expression, group: tuple[str, ...], value: float | None, before: bool
) -> Reading:
    """Nothing in the window, of something that was there before."""
    common, window = base(settings, expression, group), format_duration(settings.window)
    count = value or 0.0
    if count == 0 and not before:
        text = f"nothing has arrived in {format_duration(settings.remember)}, so nothing is missed"
        return Reading(**common, known=False, text=text)
    missing = count == 0
    name = ", ".join(each for each in group if each) or _name(settings, expression)
    return Reading(
        **common,
        text=f"nothing of {name} has arrived in {window}" if missing else f"{said(count)} of {name} in {window}",
        breach=Severity(settings.severity) if missing else None,
        clear=not missing,
        value=count,
        threshold=1.0,
    )


def change(
    settings: Change, expression: Expression, group: tuple[str, ...], value: float | None, earlier: float | None
) -> Reading:
    """How far the value is from what it was."""
    common, ago = base(settings, expression, group), format_duration(settings.against)
    if earlier is None or value is None or earlier < settings.minimum or earlier == 0:
        what = "no data now" if value is None else f"too little {ago} ago to compare with"
        return Reading(**common, known=False, text=f"{what}: {said(earlier or 0.0, expression.unit)}")
    share = (value - earlier) / earlier
    bad = {"drop": -share, "rise": share, "any": abs(share)}[settings.direction]
    breach, level = _level(bad, settings.warning, settings.critical)
    way = "less" if share < 0 else "more"
    return Reading(
        **common,
        text=f"{_name(settings, expression)} is {said(value, expression.unit)} in {format_duration(settings.window)}, "
        f"{abs(share) * 100:.0f} % {way} than {ago} earlier ({said(earlier, expression.unit)})",
        breach=breach,
        clear=bad <= min(_levels(settings.warning, settings.critical)) * CLEAR_SHARE,
        value=share,
        threshold=level,
    )


def anomaly(
    settings: Anomaly, expression: Expression, group: tuple[str, ...], value: float | None, past: Sequence[float | None]
) -> Reading:
    """How many usual spreads the value is from the median of the same hour in past weeks."""
    common = base(settings, expression, group)
    known = [each for each in past if each is not None]
    if value is None or len(known) < LEAST_SAMPLES:
        what = "no data now" if value is None else f"only {len(known)} samples of past weeks, {LEAST_SAMPLES} needed"
        return Reading(**common, known=False, text=what)
    usual = median(known)
    if usual < settings.minimum:
        text = f"too little at this hour to judge: usually {said(usual, expression.unit)}"
        return Reading(**common, known=False, text=text)
    spread = max(median([abs(each - usual) for each in known]) * SPREAD, abs(usual) * LEAST_SPREAD)
    away = (value - usual) / spread
    bad = {"drop": -away, "rise": away, "any": abs(away)}[settings.direction]
    breach, level = _level(bad, settings.warning, settings.critical)
    return Reading(
        **common,
        text=f"{_name(settings, expression)} is {said(value, expression.unit)}; at this hour it is usually "
        f"{said(usual, expression.unit)} ± {said(spread, expression.unit)}",
        breach=breach,
        clear=bad <= min(_levels(settings.warning, settings.critical)) * CLEAR_SHARE,
        value=bad,
        threshold=level,
    )


def together(readings: Sequence[Reading], title: str) -> list[Reading]:
    """All series as one: the loudest speaks, the others that break are named."""
    if not readings:
        return []
    order = {Severity.CRITICAL: 2, Severity.WARNING: 1}
    known = [each for each in readings if each.known]
    worst = max(known or readings, key=lambda each: (order.get(each.breach, 0) if each.breach else 0, each.value or 0))
    broken = [each.subject for each in known if each.breach and each is not worst]
    more = f"; so do {', '.join(broken[:5])}" + (f" and {len(broken) - 5} more" if len(broken) > 5 else "")
    return [
        replace(
            worst,
            key="all",
            subject=title,
            text=worst.text + (more if broken else ""),
            title=title,
            clear=all(each.clear for each in known) if known else False,
        )
    ]


def _name(settings: Query, expression: Expression) -> str:
    return settings.title or expression.text


def _levels(*levels: float | None) -> list[float]:
    return [each for each in levels if each is not None] or [float("inf")]


def _level(bad: float, warning: float | None, critical: float | None) -> tuple[Severity | None, float | None]:
    if critical is not None and bad >= critical:
        return Severity.CRITICAL, critical
    if warning is not None and bad >= warning:
        return Severity.WARNING, warning
    return None, warning if warning is not None else critical

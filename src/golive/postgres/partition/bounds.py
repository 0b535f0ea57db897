"""Where partitions begin and end: pure arithmetic with dates."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from golive.postgres.partition.plan import Every


@dataclass(frozen=True)
class Span:
    """One partition: from `begin` (in it) to `end` (not in it)."""

    name: str
    begin: date
    end: date


def start_of(day: date, every: Every) -> date:
    """The beginning of the period that a day is in; weeks begin on Monday."""
    if every is Every.DAY:
        return day
    if every is Every.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if every is Every.MONTH else day.replace(month=1, day=1)


def next_start(begin: date, every: Every) -> date:
    """The beginning of the period after."""
    if every is Every.DAY:
        return begin + timedelta(days=1)
    if every is Every.WEEK:
        return begin + timedelta(days=7)
    if every is Every.MONTH:
        return (begin.replace(day=1) + timedelta(days=32)).replace(day=1)
    return begin.replace(year=begin.year + 1)


def name_of(table: str, begin: date, every: Every) -> str:
    """A partition's name within PostgreSQL's 63 bytes."""
    form = {Every.DAY: "%Y%m%d", Every.WEEK: "%Yw%V", Every.MONTH: "%Y%m", Every.YEAR: "%Y"}[every]
    suffix = "_p" + (begin.strftime("%Gw%V") if every is Every.WEEK else begin.strftime(form))
    return table.encode()[: 63 - len(suffix)].decode(errors="ignore") + suffix


def spans(table: str, first: date, until: date, every: Every) -> list[Span]:
    """All partitions from the one that holds `first` to the one that holds `until`."""
    found, begin = [], start_of(first, every)
    while begin <= until:
        end = next_start(begin, every)
        found.append(Span(name_of(table, begin, every), begin, end))
        begin = end
    return found


def missing(table: str, ends: date, today: date, every: Every, ahead: int) -> list[Span]:
    """Partitions to make so that `ahead` periods after today's are ready; `ends` is where the last one ends."""
    last = start_of(today, every)
    for _ in range(ahead):
        last = next_start(last, every)
    return spans(table, ends, last, every) if ends <= last else []


def retired(present: Iterable[tuple[str, date]], now: datetime, keep: timedelta | None) -> list[str]:
    """Partitions (name, end) that lie wholly before what is kept."""
    if keep is None:
        return []
    edge = (now - keep).date()
    return [name for name, end in present if end <= edge]

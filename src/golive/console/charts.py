"""Charts as data: a view builds a Chart, `console/chart.html` shows it, chart.js draws it with uPlot."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import orjson

from golive.console.words import compact


class Draw(StrEnum):
    """How series are drawn. Bars are stacked."""

    LINE = "line"
    BARS = "bars"


@dataclass(frozen=True)
class Series:
    """One line: a value for each instant of the chart, None where there is no data. `tone` is a state colour's name."""

    label: str
    values: Sequence[float | None]
    tone: str = ""


@dataclass(frozen=True)
class Mark:
    """A deploy or other change: a vertical line."""

    at: datetime
    label: str
    link: str = ""


@dataclass(frozen=True)
class Band:
    """An incident: a shaded stretch; `until` None means it lasts."""

    since: datetime
    until: datetime | None
    label: str
    link: str = ""


@dataclass(frozen=True)
class Chart:
    """A time chart of at most six series that share `times` (unix seconds). `unit` is "ms", "%", "/s", "" ..."""

    title: str
    unit: str
    times: Sequence[float]
    series: Sequence[Series]
    marks: Sequence[Mark] = ()
    bands: Sequence[Band] = ()
    draw: Draw = Draw.LINE
    from_zero: bool = True
    height_px: int = 180
    select_link: str = ""  # "...?since={since}&until={until}", followed when a stretch is dragged

    @property
    def summary(self) -> str:
        """The chart in words, for those who do not see it."""
        said = []
        for series in self.series:
            known = [value for value in series.values if value is not None]
            unit = f" {self.unit}" if self.unit else ""
            said.append(
                f"{series.label} last {compact(known[-1])}{unit}, highest {compact(max(known))}{unit}"
                if known
                else f"{series.label} no data"
            )
        return f"{self.title}: {'; '.join(said) or 'no data'}"

    def as_json(self) -> str:
        """What the browser draws from."""
        return orjson.dumps(
            {
                "title": self.title,
                "unit": self.unit,
                "times": list(self.times),
                "series": [{"label": s.label, "values": list(s.values), "tone": s.tone} for s in self.series],
                "marks": [{"at": m.at.timestamp(), "label": m.label, "link": m.link} for m in self.marks],
                "bands": [
                    {
                        "since": b.since.timestamp(),
                        "until": b.until.timestamp() if b.until else None,
                        "label": b.label,
                        "link": b.link,
                    }
                    for b in self.bands
                ],
                "draw": self.draw.value,
                "fromZero": self.from_zero,
                "height": self.height_px,
                "selectLink": self.select_link,
            }
        ).decode()

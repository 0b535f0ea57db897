"""A time chart as a picture: geometry once, drawn as SVG here and by the PDF with the same lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from golive.console.words import compact, milliseconds

WIDTH, HEIGHT = 680, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 26, 22
COLOURS = {"failures": "#c4201f", "requests": "#64707d", "p95": "#1d5fbf"}


@dataclass(frozen=True)
class Curve:
    """Series over times (unix seconds); the incident as a band, changes as marks."""

    title: str
    unit: str
    times: Sequence[float]
    series: Mapping[str, Sequence[float | None]]
    band: tuple[float, float]
    marks: Sequence[float] = ()


@dataclass(frozen=True)
class Line:
    """A series as points of the picture, from its top left corner; pieces where there is data."""

    name: str
    colour: str
    pieces: Sequence[Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class Drawing:
    """All that is drawn."""

    title: str
    lines: Sequence[Line]
    band: tuple[float, float]
    marks: Sequence[float]
    levels: Sequence[tuple[float, str]]
    hours: Sequence[tuple[float, str]]


def draw(curve: Curve) -> Drawing:
    """Lay a curve out in WIDTH x HEIGHT."""
    first, last = curve.times[0], max(curve.times[-1], curve.times[0] + 1)
    values = [value for series in curve.series.values() for value in series if value is not None]
    top = _round_up(max(values, default=1.0))

    def x(at: float) -> float:
        return round(LEFT + (min(max(at, first), last) - first) / (last - first) * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM), 1)

    lines = []
    for name, series in curve.series.items():
        pieces: list[list[tuple[float, float]]] = [[]]
        for at, value in zip(curve.times, series, strict=True):
            if value is None:
                pieces.append([])
            else:
                pieces[-1].append((x(at), y(value)))
        lines.append(Line(name, COLOURS.get(name, "#1f2937"), [piece for piece in pieces if piece]))
    said = milliseconds if curve.unit == "ms" else compact
    ends = (first, (first + last) / 2, last)
    return Drawing(
        curve.title,
        lines,
        (x(curve.band[0]), max(x(curve.band[1]), x(curve.band[0]) + 1)),
        [x(mark) for mark in curve.marks if first <= mark <= last],
        [(y(level), said(level).replace("\u202f", " ")) for level in (0.0, top / 2, top)],
        [(x(at), f"{datetime.fromtimestamp(at, UTC):%H:%M}") for at in ends],
    )


def svg(curve: Curve) -> str:
    """The picture as an SVG of its own."""
    found = draw(curve)
    floor = HEIGHT - BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" font-family="system-ui,sans-serif" font-size="11"><title>{escape(found.title)}</title>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<rect x="{found.band[0]}" y="{TOP}" width="{found.band[1] - found.band[0]:.1f}" height="{floor - TOP}" '
        'fill="#fde7e6"/>',
        f'<text x="{LEFT}" y="14" font-weight="600" fill="#1f2937">{escape(found.title)}</text>',
    ]
    for place, line in enumerate(found.lines):
        spot = WIDTH - RIGHT - 80 * (len(found.lines) - place)
        parts.append(f'<text x="{spot}" y="14" fill="{line.colour}">{escape(line.name)}</text>')
    for level, words in found.levels:
        parts.append(f'<path d="M{LEFT} {level}H{WIDTH - RIGHT}" stroke="#e2e5e9"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{level + 4}" text-anchor="end" fill="#64707d">{escape(words)}</text>')
    for mark in found.marks:
        parts.append(f'<path d="M{mark} {TOP}V{floor}" stroke="#1f2937" stroke-dasharray="3 3"/>')
    for line in found.lines:
        for piece in line.pieces:
            points = " ".join(f"{a},{b}" for a, b in piece)
            parts.append(f'<polyline points="{points}" fill="none" stroke="{line.colour}" stroke-width="1.6"/>')
    for place, (at, words) in enumerate(found.hours):
        anchor = ("start", "middle", "end")[place]
        parts.append(f'<text x="{at}" y="{HEIGHT - 6}" text-anchor="{anchor}" fill="#64707d">{words}</text>')
    return "".join([*parts, "</svg>"])


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    size = 10.0 ** len(str(int(value))) / 10
    return next(step * size for step in (1, 2, 5, 10) if step * size >= value)

"""From the spans of a trace to the rows of a waterfall, whatever the spans are: orphans, cycles, twins, thousands.

Nothing here recurses: a hostile trace may be ten thousand spans deep.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

CHILDREN_SHOWN = 12
ROWS_SHOWN = 400


@dataclass(frozen=True)
class Span:
    """One span as the waterfall needs it; times in nanoseconds since 1970."""

    span_id: str
    parent_span_id: str
    service: str
    name: str
    kind: str
    status: str
    start_ns: int
    duration_ns: int

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.duration_ns

    @property
    def failed(self) -> bool:
        return self.status == "error"


@dataclass(frozen=True)
class Node:
    """A span in its place. `orphan`: it names a parent that the trace does not hold (or that leads in a circle)."""

    span: Span
    depth: int
    parent: int | None  # index in the arranged list
    descendants: int
    failed_below: bool
    orphan: bool


@dataclass(frozen=True)
class Row:
    """A row of the waterfall: a span, or (`hidden` > 0) a stand-in for children of `under` that are not shown."""

    node: Node
    critical: bool = False
    hidden: int = 0
    hidden_failed: bool = False
    under: str = ""


def arrange(spans: Iterable[Span]) -> list[Node]:
    """The spans depth first, siblings by start. Every span comes out exactly once."""
    everything = sorted(spans, key=lambda span: (span.start_ns, -span.duration_ns, span.span_id))
    first_with: dict[str, int] = {}
    for index, span in enumerate(everything):
        first_with.setdefault(span.span_id, index)
    children: dict[int, list[int]] = defaultdict(list)
    tops: list[int] = []
    for index, span in enumerate(everything):
        parent = first_with.get(span.parent_span_id) if span.parent_span_id else None
        if parent is None or parent == index:
            tops.append(index)
        else:
            children[parent].append(index)
    placed: list[tuple[int, int, int | None, bool]] = []  # index, depth, parent's position, orphan
    seen = [False] * len(everything)
    _walk(tops, everything, children, seen, placed)
    for index in range(len(everything)):  # what no top leads to goes in a circle: cut it at its earliest span
        if not seen[index]:
            _walk([index], everything, children, seen, placed)
    return _counted(everything, placed)


def _walk(
    tops: Sequence[int],
    everything: Sequence[Span],
    children: dict[int, list[int]],
    seen: list[bool],
    placed: list[tuple[int, int, int | None, bool]],
) -> None:
    stack: list[tuple[int, int, int | None, bool]] = [
        (top, 0, None, bool(everything[top].parent_span_id)) for top in reversed(tops)
    ]
    while stack:
        index, depth, parent, orphan = stack.pop()
        if seen[index]:
            continue
        seen[index] = True
        place = len(placed)
        placed.append((index, depth, parent, orphan))
        stack.extend((child, depth + 1, place, False) for child in reversed(children.get(index, ())) if not seen[child])


def _counted(everything: Sequence[Span], placed: Sequence[tuple[int, int, int | None, bool]]) -> list[Node]:
    below = [0] * len(placed)
    failed = [False] * len(placed)
    for place in range(len(placed) - 1, -1, -1):  # children stand after their parents
        index, _, parent, _ = placed[place]
        if parent is not None:
            below[parent] += below[place] + 1
            failed[parent] = failed[parent] or failed[place] or everything[index].failed
    return [
        Node(everything[index], depth, parent, below[place], failed[place], orphan)
        for place, (index, depth, parent, orphan) in enumerate(placed)
    ]


def critical(nodes: Sequence[Node]) -> set[int]:
    """Which nodes the trace's duration waits for: from each end back, the child that ended last before it."""
    if not nodes:
        return set()
    children: dict[int, list[int]] = defaultdict(list)
    for place, node in enumerate(nodes):
        if node.parent is not None:
            children[node.parent].append(place)
    tops = (place for place, node in enumerate(nodes) if node.parent is None)
    longest = max(tops, key=lambda place: nodes[place].span.end_ns)
    path: set[int] = set()
    stack = [(longest, nodes[longest].span.end_ns)]
    while stack:
        place, until = stack.pop()
        path.add(place)
        for child in sorted(children.get(place, ()), key=lambda p: -nodes[p].span.end_ns):
            span = nodes[child].span
            if span.end_ns <= until and span.duration_ns:
                stack.append((child, span.end_ns))
                until = span.start_ns
    return path


def rows(
    nodes: Sequence[Node],
    opened: Collection[str] = (),
    *,
    children_shown: int = CHILDREN_SHOWN,
    rows_shown: int = ROWS_SHOWN,
) -> list[Row]:
    """The rows to show: at most `children_shown` children of a span unless it is in `opened`.

    What is left out has a stand-in row that says how much and whether any of it failed. What failed is shown
    first, then what is less deep, so that trouble is never folded away.
    """
    path = critical(nodes)
    shown_children = _chosen_children(nodes, path, opened, children_shown)
    visible: set[int] = set()
    result: list[Row] = []
    by_worth = sorted(range(len(nodes)), key=lambda p: (not _troubled(nodes[p]), nodes[p].depth, p))
    for place in by_worth:  # parents come before their children: they are as troubled, and less deep
        parent = nodes[place].parent
        if (parent is None or parent in visible) and place in shown_children and len(visible) < rows_shown:
            visible.add(place)
    hidden: dict[int | None, list[int]] = defaultdict(list)
    for place, node in enumerate(nodes):
        if place not in visible and (node.parent is None or node.parent in visible):
            hidden[node.parent].append(place)
    stand_ins = _stand_ins(nodes, hidden, visible)
    for place, node in enumerate(nodes):
        if place in visible:
            result.append(Row(node, critical=place in path))
        if place in stand_ins:
            result.extend(stand_ins[place])
    return result


def _chosen_children(nodes: Sequence[Node], path: set[int], opened: Collection[str], most: int) -> set[int]:
    children: dict[int | None, list[int]] = defaultdict(list)
    for place, node in enumerate(nodes):
        children[node.parent].append(place)
    chosen: set[int] = set()
    for parent, places in children.items():
        name = nodes[parent].span.span_id if parent is not None else ""
        if len(places) > most and name not in opened:
            places = sorted(sorted(places, key=lambda p: (not _troubled(nodes[p]), p not in path, p))[:most])
        chosen.update(places)
    return chosen


def _troubled(node: Node) -> bool:
    return node.span.failed or node.failed_below


def _stand_ins(nodes: Sequence[Node], hidden: dict[int | None, list[int]], visible: set[int]) -> dict[int, list[Row]]:
    """Stand-in rows by the last place of the family they end."""
    found: dict[int, list[Row]] = defaultdict(list)
    for parent, places in sorted(hidden.items(), key=lambda item: -(item[0] if item[0] is not None else -1)):
        count = sum(nodes[place].descendants + 1 for place in places)
        failed = any(_troubled(nodes[place]) for place in places)
        under = nodes[parent].span.span_id if parent is not None else ""
        end = parent + nodes[parent].descendants if parent is not None else len(nodes) - 1
        found[end].append(Row(nodes[places[0]], hidden=count, hidden_failed=failed, under=under))
    return found

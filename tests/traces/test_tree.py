"""The waterfall's tree: every span comes out once, whatever the spans claim about each other."""

import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from golive.traces.tree import Span, arrange, critical, rows


def span(own: str, parent: str = "", start: int = 0, length: int = 10, status: str = "unset") -> Span:
    return Span(own, parent, "web", own, "internal", status, start, length)


def names(spans: list[Span]) -> list[tuple[str, int]]:
    return [(node.span.span_id, node.depth) for node in arrange(spans)]


def test_children_stand_below_their_parent_by_start() -> None:
    spans = [span("b", "a", 5), span("c", "a", 2), span("a", "", 0, 20), span("d", "c", 3)]
    assert names(spans) == [("a", 0), ("c", 1), ("d", 2), ("b", 1)]
    assert [node.descendants for node in arrange(spans)] == [3, 1, 0, 0]


def test_an_orphan_is_a_top_that_says_so() -> None:
    nodes = arrange([span("a"), span("b", "missing", 3)])
    assert [(node.span.span_id, node.depth, node.orphan) for node in nodes] == [("a", 0, False), ("b", 0, True)]


def test_a_circle_is_cut_at_its_earliest_span() -> None:
    nodes = arrange([span("a", "b", 1), span("b", "a", 2), span("self", "self", 9)])
    assert [(node.span.span_id, node.depth, node.orphan) for node in nodes] == [
        ("self", 0, True),
        ("a", 0, True),
        ("b", 1, False),
    ]


def test_twins_with_one_id_both_stay() -> None:
    assert sorted(name for name, _ in names([span("a"), span("a", "", 1), span("k", "a", 2)])) == ["a", "a", "k"]


def test_failure_below_is_known_above() -> None:
    nodes = arrange([span("a"), span("b", "a"), span("c", "b", status="error")])
    assert [node.failed_below for node in nodes] == [True, True, False]


def test_critical_path_follows_what_ended_last() -> None:
    spans = [
        span("root", "", 0, 100),
        span("early", "root", 0, 40),
        span("beside", "root", 5, 20),
        span("late", "root", 45, 50),
        span("inner", "late", 50, 40),
    ]
    nodes = arrange(spans)
    assert {nodes[place].span.span_id for place in critical(nodes)} == {"root", "early", "late", "inner"}


def test_many_children_are_folded_and_failures_shown_first() -> None:
    spans = [span("root", "", 0, 1000)] + [
        span(f"c{n}", "root", n, 1, "error" if n == 900 else "unset") for n in range(1, 1000)
    ]
    shown = rows(arrange(spans), children_shown=12)
    assert len(shown) == 1 + 12 + 1
    assert "c900" in {row.node.span.span_id for row in shown if not row.hidden}
    assert shown[-1].hidden == 999 - 12
    assert shown[-1].under == "root"
    assert sum(1 for row in rows(arrange(spans), ["root"], rows_shown=2000) if not row.hidden) == 1000


def test_what_failed_is_shown_however_far_down_it_is() -> None:
    spans = [span("root", "", 0, 10**6)] + [
        span(f"c{n}", f"c{(n - 1) // 3}" if n > 3 else "root", n, 1, "error" if n == 2999 else "unset")
        for n in range(1, 3000)
    ]
    shown = {row.node.span.span_id for row in rows(arrange(spans), rows_shown=50) if not row.hidden}
    assert {"root", "c2999"} <= shown
    assert len(shown) == 50


def test_ten_thousand_deep_does_not_hurt() -> None:
    chain = [span(f"s{n}", f"s{n - 1}" if n else "", n, 20_000 - n) for n in range(10_000)]
    nodes = arrange(chain)
    assert nodes[-1].depth == 9_999
    shown = rows(nodes)
    assert sum(not row.hidden for row in shown) == 400
    assert sum(row.hidden for row in shown) == 9_600


IDS = st.sampled_from([f"s{n}" for n in range(12)])
SPANS = st.lists(
    st.builds(
        span,
        IDS,
        st.one_of(st.just(""), IDS, st.just("missing")),
        st.integers(0, 50),
        st.integers(0, 50),
        st.sampled_from(["unset", "error"]),
    ),
    max_size=40,
)


@given(SPANS, st.integers(1, 6), st.integers(1, 20))
def test_nothing_is_lost_or_doubled(spans: list[Span], children: int, most: int) -> None:
    nodes = arrange(spans)
    assert sorted(map(id, spans)) == sorted(id(node.span) for node in nodes)
    assert all(nodes[node.parent].depth == node.depth - 1 for node in nodes if node.parent is not None)
    assert all(below.depth <= above.depth + 1 for above, below in pairwise(nodes))
    shown = rows(nodes, children_shown=children, rows_shown=most)
    assert sum(row.hidden or 1 for row in shown) == len(spans)


def test_a_large_flat_trace_is_quick_enough_to_look_at() -> None:
    spans = [span("root", "", 0, 10**6)] + [span(f"c{n}", f"c{n // 3}" if n > 2 else "root", n) for n in range(9_999)]
    began = time.perf_counter()
    rows(arrange(spans))
    print(f"10 000 spans arranged in {(time.perf_counter() - began) * 1000:.0f} ms")

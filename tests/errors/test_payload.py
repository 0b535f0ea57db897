"""Reading what clients send: the usual, and anything at all."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from golive.errors.payload import read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(["exception", "breadcrumbs", "request", "user", "contexts", "values", "stacktrace", "frames"])


def test_frames_come_innermost_first_with_their_source() -> None:
    frames = [
        {"function": "outer", "lineno": 3},
        {
            "function": "inner",
            "filename": "a.py",
            "lineno": 10,
            "in_app": True,
            "pre_context": ["a", "b"],
            "context_line": "boom()",
            "post_context": ["c"],
            "vars": {"x": 1, "gone": None},
        },
    ]
    event = {
        "exception": {
            "values": [
                {"type": "Cause", "value": "first"},
                {"type": "KeyError", "value": "'plan'", "stacktrace": {"frames": frames}},
            ]
        }
    }
    details = read(orjson.dumps(event).decode())
    assert [raised.type for raised in details.exceptions] == ["KeyError", "Cause"]
    inner = details.exceptions[0].frames[0]
    assert (inner.function, inner.ours, inner.variables) == ("inner", True, [("x", "1")])
    assert [(line.number, line.text, line.here) for line in inner.source] == [
        (8, "a", False),
        (9, "b", False),
        (10, "boom()", True),
        (11, "c", False),
    ]


LISTS = st.lists(st.dictionaries(KEYS, JSON, max_size=3), max_size=3)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, LISTS | JSON)))
def test_any_shape_is_read(event: dict[str, object]) -> None:
    read(orjson.dumps(event).decode())


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    read(text)

"""Which events belong together, as a table of pairs."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golive.errors.fingerprint import Basis, fingerprint_of, template_of


def raised(kind: str, value: str, *frames: tuple[str, str, bool], line: int = 1) -> dict[str, Any]:
    named = [{"module": m, "function": f, "in_app": own, "lineno": line} for m, f, own in frames]
    return {"exception": {"values": [{"type": kind, "value": value, "stacktrace": {"frames": named}}]}}


APP = ("acme.cart", "checkout", True)
LIBRARY = ("sqlalchemy.engine", "execute", False)

SAME = [
    ("another line and value", raised("KeyError", "7", APP), raised("KeyError", "8", APP, line=99)),
    ("other library frames", raised("E", "", APP), raised("E", "", LIBRARY, APP, LIBRARY)),
    ("deeper recursion", raised("E", "", APP, APP), raised("E", "", APP, APP, APP, APP)),
    ("no frames, other number", raised("E", "user 5 gone"), raised("E", "user 77 gone")),
    ("message with ids", {"message": "job 0a1b2c3d4e failed"}, {"message": "job ff01ee02dd failed"}),
    (
        "template with parameters",
        {"logentry": {"message": "user %s left", "params": ["ada"]}},
        {"logentry": {"message": "user %s left", "params": ["bob"]}},
    ),
    ("default fingerprint", raised("E", "", APP), {**raised("E", "", APP), "fingerprint": ["{{ default }}"]}),
    ("custom alone", {**raised("E", "", APP), "fingerprint": ["x"]}, {"message": "y", "fingerprint": ["x"]}),
    (
        "bundle hash",
        {"exception": {"values": [{"type": "E", "stacktrace": {"frames": [{"filename": "/main.3fa9c1d2.js"}]}}]}},
        {"exception": {"values": [{"type": "E", "stacktrace": {"frames": [{"filename": "/main.77ac01bb.js"}]}}]}},
    ),
]
OTHER = [
    ("other type", raised("KeyError", "", APP), raised("TypeError", "", APP)),
    ("other function", raised("E", "", APP), raised("E", "", ("acme.cart", "pay", True))),
    ("other words", {"message": "disk full"}, {"message": "disk slow"}),
    (
        "default plus tenant",
        {**raised("E", "", APP), "fingerprint": ["{{ default }}", "a"]},
        {**raised("E", "", APP), "fingerprint": ["{{ default }}", "b"]},
    ),
    (
        "variables",
        {**raised("E", "", APP), "fingerprint": ["{{ type }}"]},
        {**raised("F", "", APP), "fingerprint": ["{{ type }}"]},
    ),
]


@pytest.mark.parametrize(("why", "one", "two"), SAME, ids=[case[0] for case in SAME])
def test_same_error(why: str, one: dict[str, Any], two: dict[str, Any]) -> None:
    assert fingerprint_of(one).value == fingerprint_of(two).value, why


@pytest.mark.parametrize(("why", "one", "two"), OTHER, ids=[case[0] for case in OTHER])
def test_different_errors(why: str, one: dict[str, Any], two: dict[str, Any]) -> None:
    assert fingerprint_of(one).value != fingerprint_of(two).value, why


@pytest.mark.parametrize(
    ("event", "basis"),
    [
        (raised("E", "", APP), Basis.FRAMES),
        (raised("E", "x"), Basis.MESSAGE),
        ({"message": "x"}, Basis.TEMPLATE),
        ({"fingerprint": ["a"]}, Basis.CUSTOM),
        ({}, Basis.NOTHING),
    ],
)
def test_the_reason_is_told(event: dict[str, Any], basis: Basis) -> None:
    assert fingerprint_of(event).basis is basis


@pytest.mark.parametrize(
    ("message", "template"),
    [
        ("order 12 of 7.5 EUR", "order <number> of <number> EUR"),
        ("key 'a b' missing", "key <text> missing"),
        ("don't drop 'this'", "don't drop <text>"),
        ("id 6ba7b810-9dad-11d1-80b4-00c04fd430c8", "id <uuid>"),
        ("at 0xDEADBEEF", "at <hex>"),
        ("10.0.0.1:5432 refused", "<ip> refused"),
        ("2026-11-23T10:00:00Z late", "<time> late"),
        ("ada@acme.example bounced", "<email> bounced"),
        ("utf8 and s3 stay", "utf8 and s3 stay"),
    ],
)
def test_templates(message: str, template: str) -> None:
    assert template_of(message) == template


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["exception", "values", "fingerprint", "message", "logentry", "stacktrace", "frames"]
shaped = st.dictionaries(st.sampled_from(NAMES), json)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shaped | st.builds(lambda inner: {"exception": {"values": [inner]}}, shaped))
def test_any_shape_gets_a_stable_fingerprint(event: dict[str, Any]) -> None:
    first = fingerprint_of(event)
    assert len(first.value) == 32
    assert fingerprint_of(event) == first

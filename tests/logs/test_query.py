"""The log query language: what it accepts, what it compiles to, and that it explains what it refuses."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golive.logs.query import QueryError, compile_query, like_pattern, tokens

TABLE = [
    ("", "1", []),
    ("failed", "(hasAllTokens(lower(body), {q0:Array(String)}))", [["failed"]]),
    ("Payment FAILED", None, [["payment"], ["failed"]]),
    ('"payment failed"', None, [["payment", "failed"], "payment failed"]),
    ("user-42", None, [["user", "42"], "user-42"]),
    ("service:acme", "lower(service) = {q0:String}", ["acme"]),
    ("service:acme*", "lower(service) LIKE {q0:String}", ["acme%"]),
    ("level:error", "severity_number BETWEEN 17 AND 20", []),
    ("level:>=warn", "severity_number >= 13", []),
    ("level:<warn", "severity_number <= 12", []),
    ("level:[info TO error]", "severity_number BETWEEN 9 AND 20", []),
    ("-healthz", "NOT ((hasAllTokens(lower(body), {q0:Array(String)})))", [["healthz"]]),
    ("NOT level:debug", "NOT (severity_number BETWEEN 5 AND 8)", []),
    ("attributes.http.method:POST", "lower(attributes[{q0:String}]) = {q1:String}", ["http.method", "post"]),
    ("resource.host.name:*", "mapContains(resource, {q0:String})", ["host.name"]),
    (
        "attributes.status:>=500",
        "ifNull(toFloat64OrNull(attributes[{q0:String}]) >= {q1:Float64}, 0)",
        ["status", 500.0],
    ),
    ("trace_id:ABC", "trace_id = {q0:String}", ["abc"]),
    ("pay*", "lower(body) LIKE {q0:String}", ["%pay%%"]),
    ("/api/tasks", None, [["api", "tasks"], "/api/tasks"]),
    ("attributes.http.route:/api/tasks", None, ["http.route", "/api/tasks"]),
    ("service:(a OR b)", "((lower(service) = {q0:String} OR lower(service) = {q1:String}))", ["a", "b"]),
    ("synthetic:false", "NOT synthetic", []),
]


@pytest.mark.parametrize(("text", "sql", "values"), TABLE, ids=[row[0] or "empty" for row in TABLE])
def test_compiles(text: str, sql: str | None, values: list[object]) -> None:
    condition = compile_query(text)
    if sql is not None:
        assert condition.sql == sql
    assert list(condition.parameters.values()) == values


REFUSED = [
    ('"open', "quote is not closed"),
    ("(a OR b", "parentheses"),
    ("a AND", "ends too early"),
    ("colour:red", "There is no field 'colour'"),
    ("level:loud", "not a level"),
    ("attributes.x:>high", "comparisons take a number"),
    ("12:30:05", "quotes"),
    ("word~2", "fuzzy"),
    ("word^3", "boosts"),
    ("x" * 3000, "at most"),
    ("(" * 100 + "a" + ")" * 100, "nested"),
    ("body:>3", "cannot be compared"),
]


@pytest.mark.parametrize(("text", "says"), REFUSED, ids=[row[1] for row in REFUSED])
def test_refuses_with_the_way_out(text: str, says: str) -> None:
    with pytest.raises(QueryError, match=re.escape(says)):
        compile_query(text)


SAFE = re.compile(
    r"(?:severity_number|hasAllTokens|lower|body|position|attributes|resource|trace_id|span_id|service|environment"
    r"|release|event_name|scope|synthetic|mapContains|ifNull|toFloat64OrNull|LIKE|BETWEEN|AND|OR|NOT"
    r"|\{q\d+:(?:String|Array\(String\)|Float64)\}|''|\d+|[()\[\],<>=! ]|>=|<=)+"
)
PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            *("\"'\\()[]{}:-+*?~^/ <"),
            *("OR", "AND", "NOT", "TO", "level", "service:", "attributes.a:", "a.b:", ">="),
            *("); DROP TABLE logs; --", "{q0:String}"),
        ]
    ),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_any_text_compiles_or_is_refused_and_no_text_becomes_sql(text: str) -> None:
    try:
        condition = compile_query(text)
    except QueryError:
        return
    assert SAFE.fullmatch(condition.sql), condition.sql


@given(st.text())
def test_words_are_cut_as_the_index_cuts_them(text: str) -> None:
    assert all(re.fullmatch(r"[0-9a-z\u0080-\U0010ffff]+", word) for word in tokens(text))


def test_like_patterns_escape_what_is_special_to_like() -> None:
    assert like_pattern("50%_*?") == r"50\%\_%_"
    assert like_pattern(r"a\*b*") == "a*b%"

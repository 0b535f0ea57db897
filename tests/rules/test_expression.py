"""The query language of rules: what it accepts, and that nothing a user writes becomes SQL."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golive.rules.expression import ExpressionError, parse


@pytest.mark.parametrize(
    ("text", "source", "function", "by", "unit"),
    [
        ("count(logs)", "logs", "count", (), ""),
        ('count(logs{level:>=error "payment failed"}) by service', "logs", "count", ("service",), ""),
        ("p95(requests{route:/api/* -status:>=500})", "requests", "p95", (), "ms"),
        ("count(requests{error:true}) / count(requests)", "requests", "count", (), "share"),
        ("max(metric queue.depth{queue:mail}) by queue, service", "metric", "max", ("queue", "service"), ""),
        ("rate(metric http.client.errors)", "metric", "rate", (), "per second"),
        ("sum(event payment.succeeded{currency:EUR})", "event", "sum", (), ""),
        ("count(errors{level:fatal}) by type", "errors", "count", ("type",), ""),
    ],
)
def test_what_is_understood(text: str, source: str, function: str, by: tuple[str, ...], unit: str) -> None:
    found = parse(text)
    assert (found.left.source, found.left.function, found.by, found.unit) == (source, function, by, unit)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no query"),
        ("select 1", "is no query"),
        ("count(tables)", "is no query"),
        ("p95(logs)", "p95 of logs is not known"),
        ("max(metric)", "needs a name"),
        ("count(logs x)", "takes no name"),
        ("count(requests{route})", "is no matcher"),
        ("count(requests{status:>=many})", "take a number"),
        ("count(logs{level:loud})", "not a level"),
        ("count(logs) by service; drop table logs", "only `by NAME"),
        ("count(logs) by a, b, c, d", "at most 3"),
        ("count(logs) by body", "cannot be grouped"),
        ("count(logs) / 2", "another FUNCTION"),
        ("count(logs)" + " " * 3000, "at most 2000"),
    ],
)
def test_what_is_not_is_said(text: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=words):
        parse(text)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters='{}"\\'), min_size=1, max_size=30))
def test_values_and_names_are_parameters(text: str) -> None:
    marked = "zq'--" + "".join(text.split())
    for query in (f'count(requests{{service:"{marked}"}})', f'last(metric a.b{{some.key:"{marked}"}})'):
        term = parse(query).left
        assert "zq'--" not in term.condition + term.value + "".join(term.groups)
        assert marked.lower() in term.parameters.values()


def test_production_is_meant_unless_another_is_named() -> None:
    assert "environment = 'production'" in parse("count(requests)").left.condition
    assert "environment = 'production'" not in parse("count(requests{environment:staging})").left.condition
    assert "environment = 'production'" not in parse("count(requests) by environment").left.condition

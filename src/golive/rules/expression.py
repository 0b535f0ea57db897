"""Queries of rules: a small language over logs, requests, metrics, events and errors. No text of a user becomes SQL.

    count(logs{level:>=error "payment failed"}) by service
    p95(requests{route:/api/*})                                milliseconds
    count(requests{error:true}) / count(requests)              a share
    max(metric queue.depth{queue:mail}) by queue
    increase(metric http.client.errors)                        what a counter grew by
    sum(event payment.succeeded{currency:EUR})                 minor units
    count(errors{level:fatal})

Between the braces of logs stands what the log search takes. Elsewhere: key:value, -key:value, key:>=500, key:api* and
quotes; all must hold. Without an environment, production is meant; golive's own traffic never counts.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from golive.logs.query import QueryError, compile_query
from golive.logs.query import known as log_field

LONGEST = 2000
MOST_GROUPS = 3
_TERM = re.compile(
    r"\s*(?P<function>[a-z]\w*)\(\s*(?P<source>logs|requests|errors|metric|event)"
    r"(?:\s+(?P<name>[\w.\-/:]+))?\s*(?:\{(?P<filter>(?:\"(?:[^\"\\]|\\.)*\"|[^\"{}])*)\})?\s*\)\s*"
)
_BY = re.compile(r"\s*by\s+(?P<names>[\w.\-]+(?:\s*,\s*[\w.\-]+)*)\s*")
_MATCHER = re.compile(
    r"\s*(?P<not>-?)(?P<key>[A-Za-z_][\w.\-]*):(?P<sign>>=|<=|>|<)?(?P<value>\"(?:[^\"\\]|\\.)*\"|[^\s\"]+)\s*"
)
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
FUNCTIONS = {
    "logs": ("count", "rate"),
    "requests": ("count", "rate", "avg", "max", "uniq", *QUANTILES),
    "metric": ("last", "avg", "min", "max", "sum", "count", "increase", "rate", *QUANTILES),
    "event": ("count", "rate", "sum", "uniq"),
    "errors": ("count", "rate", "uniq"),
}
_FAILED = "(status = 'error' OR http_status >= 500)"
COLUMNS: dict[str, dict[str, str]] = {
    "logs": {},
    "requests": {
        "service": "service",
        "environment": "environment",
        "release": "release",
        "route": "http_route",
        "method": "http_method",
        "status": "toString(http_status)",
        "name": "name",
        "user": "user_id",
        "error": f"if({_FAILED}, 'true', 'false')",
        "duration": "toString(duration_ns / 1e6)",
    },
    "metric": {"service": "service", "environment": "environment", "release": "release", "unit": "unit"},
    "event": {
        "service": "service",
        "environment": "environment",
        "release": "release",
        "user": "user_id",
        "account": "account_id",
        "currency": "currency",
        "amount": "toString(amount_minor)",
    },
    "errors": {
        "service": "service",
        "environment": "environment",
        "release": "release",
        "type": "type",
        "level": "level",
        "culprit": "culprit",
        "transaction": "transaction",
        "handled": "if(handled, 'true', 'false')",
        "group": "fingerprint",
    },
}
MAPS = {
    "logs": ("attributes", "resource"),
    "requests": ("attributes", "resource"),
    "metric": ("attributes", "resource"),
    "event": ("attributes",),
    "errors": ("tags",),
}
_VALUES = {
    ("requests", "avg"): "avg(duration_ns) / 1e6",
    ("requests", "max"): "max(duration_ns) / 1e6",
    ("metric", "last"): "argMax(value, time)",
    ("metric", "avg"): "avg(value)",
    ("metric", "min"): "min(value)",
    ("metric", "max"): "max(value)",
    ("metric", "sum"): "sum(value)",
}
COUNTED = ("count", "rate", "sum", "increase", "uniq")  # where nothing matches, these are 0


class ExpressionError(ValueError):
    """The query cannot be understood; the message says what was found and what is accepted."""


@dataclass(frozen=True)
class Term:
    """One aggregate: fragments of SQL from our own vocabulary, and the parameters that hold what the user wrote."""

    source: str
    function: str
    value: str
    condition: str
    groups: tuple[str, ...]
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def counted(self) -> bool:
        return self.function in COUNTED and not (self.source == "metric" and self.function != "increase")


@dataclass(frozen=True)
class Expression:
    """A term, or the ratio of two; `by` names what tells its series apart."""

    text: str
    left: Term
    right: Term | None = None
    by: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """What the value is counted in, as far as that is known."""
        if self.right is not None:
            return "share"
        if self.left.function == "rate":
            return "per second"
        durations = self.left.source == "requests" and self.left.function in ("avg", "max", *QUANTILES)
        return "ms" if durations else ""


def parse(text: str) -> Expression:
    """Read a query. Raises ExpressionError."""
    if len(text) > LONGEST:
        raise ExpressionError(f"the query has {len(text)} characters; at most {LONGEST} are accepted")
    first = _TERM.match(text)
    if first is None:
        raise ExpressionError(
            f"{text.strip()[:60]!r} is no query; write FUNCTION(SOURCE{{FILTER}}), like count(logs{{level:error}}), "
            f"with a source of {', '.join(FUNCTIONS)}"
        )
    rest = text[first.end() :]
    second = _TERM.match(rest[1:]) if rest.startswith("/") else None
    if rest.startswith("/") and second is None:
        raise ExpressionError(f"after / another FUNCTION(SOURCE) is expected, not {rest[1:].strip()[:40]!r}")
    rest = rest[1 + second.end() :] if second else rest
    grouped = _BY.fullmatch(rest)
    if rest.strip() and grouped is None:
        raise ExpressionError(
            f"{rest.strip()[:40]!r} is not understood; after the query only `by NAME, NAME` may stand"
        )
    by = tuple(name.strip() for name in grouped["names"].split(",")) if grouped else ()
    if len(by) > MOST_GROUPS:
        raise ExpressionError(f"at most {MOST_GROUPS} names may stand after by")
    left = _term(first, by, "l")
    return Expression(text.strip(), left, _term(second, by, "r") if second else None, by)


def _term(found: re.Match[str], by: tuple[str, ...], prefix: str) -> Term:
    source, function, name = found["source"], found["function"], found["name"]
    if function not in FUNCTIONS[source]:
        raise ExpressionError(f"{function} of {source} is not known; known are {', '.join(FUNCTIONS[source])}")
    if (source in ("metric", "event")) != bool(name):
        raise ExpressionError(
            f"{source} needs a name, like {function}({source} NAME)"
            if not name
            else f"{source} takes no name: {name!r}"
        )
    compiler = _Compiler(source, prefix)
    matches, names = compiler.condition(found["filter"] or "")
    tests = [f"name = {compiler.parameter(name)}"] if name else []
    if "environment" not in names and "environment" not in by:
        tests.append("environment = 'production'")
    groups = tuple(compiler.column(each) for each in by)
    # grouped counts look at every row, so that a group without a match is known to have none
    inside = bool(by) and source != "metric" and function in COUNTED
    if not inside:
        tests.append(f"({matches})")
    value = _value(source, function, matches if inside else "1")
    return Term(source, function, value, " AND ".join(tests) or "1", groups, compiler.parameters)


def _value(source: str, function: str, matches: str) -> str:
    if function in ("count", "increase"):
        return f"countIf({matches})"
    if function == "rate":
        return f"countIf({matches}) / {{window:Float64}}"
    if function == "uniq":
        return f"uniqIf(user_id, user_id != '' AND ({matches}))"
    if (source, function) == ("event", "sum"):
        return f"sumIf(amount_minor, {matches})"
    if function in QUANTILES:
        column = "duration_ns / 1e6" if source == "requests" else "value"
        return f"quantile({QUANTILES[function]})({column})"
    return _VALUES[source, function]


class _Compiler:
    """Turns matchers into conditions whose values are parameters; names of attributes are parameters too."""

    def __init__(self, source: str, prefix: str) -> None:
        self.source, self.prefix = source, prefix
        self.parameters: dict[str, Any] = {}

    def parameter(self, value: Any, kind: str = "String") -> str:
        name = f"{self.prefix}{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"

    def condition(self, text: str) -> tuple[str, set[str]]:
        """The condition, and which fields it names."""
        if self.source == "logs":
            return self._logs(text)
        tests, names, at = [], set(), 0
        while at < len(text) and text[at:].strip():
            found = _MATCHER.match(text, at)
            if found is None:
                raise ExpressionError(
                    f"{text[at:].strip()[:40]!r} is no matcher; write key:value, -key:value, key:>=500 or key:api*"
                )
            names.add(found["key"])
            test = self._test(found["key"], found["sign"] or "", found["value"])
            tests.append(f"NOT ({test})" if found["not"] else f"({test})")
            at = found.end()
        return " AND ".join(tests) or "1", names

    def _logs(self, text: str) -> tuple[str, set[str]]:
        try:
            compiled = compile_query(text)
        except QueryError as error:
            raise ExpressionError(str(error)) from None
        sql = compiled.sql
        for name in sorted(compiled.parameters, key=len, reverse=True):
            sql = sql.replace(f"{{{name}:", f"{{{self.prefix}_{name}:")
        self.parameters |= {f"{self.prefix}_{name}": value for name, value in compiled.parameters.items()}
        return sql, {"environment"} if "environment" in sql else set()

    def _test(self, key: str, sign: str, told: str) -> str:
        quoted = told.startswith('"')
        value = re.sub(r"\\(.)", r"\1", told[1:-1]) if quoted else told
        column = self.column(key)
        if sign:
            if not re.fullmatch(r"-?\d{1,18}(\.\d{1,18})?", value, re.ASCII):
                raise ExpressionError(f"{key} is compared with {value!r}; comparisons take a number such as 500 or 0.5")
            return f"ifNull(toFloat64OrNull({column}) {sign} {self.parameter(float(value), 'Float64')}, 0)"
        if not quoted and ("*" in value or "?" in value):
            pattern = re.sub(r"([\\%_])", r"\\\1", value).replace("*", "%").replace("?", "_")
            return f"{column} ILIKE {self.parameter(pattern)}"
        return f"lower({column}) = {self.parameter(value.lower())}"

    def column(self, key: str) -> str:
        """The SQL of a field: one of our columns, or an element of a map whose key is a parameter."""
        if self.source == "logs":
            try:
                name = log_field(key)
            except QueryError as error:
                raise ExpressionError(str(error)) from None
            if ":" not in name:
                if name in ("body", "synthetic"):
                    raise ExpressionError(f"lines cannot be grouped by {key}")
                return "severity_text" if name == "level" else name
            place, _, key = name.partition(":")
            maps = MAPS["logs"] if place == "either" else (place,)
            return self._element(maps, key)
        if key in COLUMNS[self.source]:
            return COLUMNS[self.source][key]
        place, _, rest = key.partition(".")
        if place in MAPS[self.source] and rest:
            return self._element((place,), rest)
        return self._element(MAPS[self.source], key)

    def _element(self, maps: tuple[str, ...], key: str) -> str:
        elements = [f"{name}[{self.parameter(key)}]" for name in maps]
        if len(elements) == 1:
            return elements[0]
        return f"if({elements[0]} != '', {elements[0]}, {elements[1]})"

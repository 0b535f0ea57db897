"""The log query language: Lucene style, compiled to a condition with parameters. Nothing a user types becomes SQL text.

payment failed                      both words, anywhere in the line, in any case
"payment failed"                    the words next to each other
service:acme-web level:>=warn -healthz
attributes.http.method:POST (trace_id:4bf9… OR event:user.signed_up)
http.response.status_code:>=500     an attribute whose name has a dot needs no prefix
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from luqum import tree
from luqum.exceptions import ParseError
from luqum.thread import parse

LONGEST = 2000  # characters; longer queries are refused before they are parsed
DEEPEST = 40
COLUMNS = {
    "service": "service",
    "environment": "environment",
    "env": "environment",
    "release": "release",
    "trace_id": "trace_id",
    "trace": "trace_id",
    "span_id": "span_id",
    "event": "event_name",
    "event_name": "event_name",
    "scope": "scope",
}
LEVELS = {
    "unset": (0, 0),
    "trace": (1, 4),
    "debug": (5, 8),
    "info": (9, 12),
    "warn": (13, 16),
    "warning": (13, 16),
    "error": (17, 20),
    "fatal": (21, 24),
    "critical": (21, 24),
}
FIELDS = "service, level, environment, release, body, trace_id, span_id, event, scope, attributes.NAME, resource.NAME"
_TOKEN = re.compile(r"[0-9A-Za-z\u0080-\U0010ffff]+")
_QUOTED_OR_PATH = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![^\s:(+\-])(/[^\s()"]*)', re.DOTALL)
_ATTRIBUTE = re.compile(r"[A-Za-z_][\w.\-/]*")
_ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


class QueryError(ValueError):
    """The query cannot be understood; the message says what was found and what is accepted."""


@dataclass
class Condition:
    """A condition over the `logs` table: SQL text with `{name:Type}` parameters, and their values."""

    sql: str = "1"
    parameters: dict[str, Any] = field(default_factory=dict)


def compile_query(text: str) -> Condition:
    """Compile a query; an empty one matches everything. Raises QueryError."""
    if not text.strip():
        return Condition()
    if len(text) > LONGEST:
        raise QueryError(f"The query has {len(text)} characters; at most {LONGEST} are accepted.")
    if any("\ud800" <= letter <= "\udfff" or letter == "\0" for letter in text):
        raise QueryError("The query holds characters that no log line can contain.")
    compiler = _Compiler()
    return Condition(compiler.any(_parsed(text), 0), compiler.parameters)


def _parsed(text: str) -> tree.Item:
    try:
        return parse(_QUOTED_OR_PATH.sub(_quote_path, text))
    except ParseError as error:
        raise QueryError(_explained(text, str(error))) from None
    except (ValueError, ArithmeticError, AttributeError, AssertionError, TypeError, RecursionError):
        raise QueryError("The query cannot be read; put text with special characters in quotes.") from None


def _quote_path(found: re.Match[str]) -> str:
    """A word such as /api/tasks is text, not the regular expression that Lucene would see in it."""
    path: str | None = found.group(1)
    return found.group(0) if path is None else '"' + path.replace("\\", "\\\\") + '"'


def _explained(text: str, message: str) -> str:
    if text.count('"') % 2:
        return 'A quote is not closed: add the missing ".'
    if text.count("(") != text.count(")"):
        return "The parentheses do not match: each ( needs its )."
    place = re.search(r"unexpected\s+'(.*?)' at position", message, re.DOTALL)
    if place:
        return f"The query cannot be read at {place.group(1)!r}; put text with special characters in quotes."
    if "unexpected end" in message:
        return "The query ends too early: a word is missing at its end."
    return "The query holds a character with a special meaning; put the text in quotes."


def tokens(text: str) -> list[str]:
    """The words of a text as the store's index cuts them: at everything that is not a letter or digit."""
    return _TOKEN.findall(text.translate(_ASCII_LOWER))


def like_pattern(text: str) -> str:
    """A LIKE pattern for a word with the wildcards * and ?; everything else stands for itself."""
    pieces = re.split(r"(\\.|[*?])", text, flags=re.DOTALL)
    wild = {"*": "%", "?": "_"}
    return "".join(
        wild.get(piece) or re.sub(r"([\\%_])", r"\\\1", _unescaped(piece)).translate(_ASCII_LOWER) for piece in pieces
    )


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


class _Compiler:
    """Walks the parsed query; every value it meets becomes a parameter."""

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}

    def parameter(self, value: Any, kind: str = "String") -> str:
        name = f"q{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"

    def any(self, node: tree.Item, depth: int, name: str | None = None) -> str:
        """The condition of a node; `name` is the field it is about, None for the line itself."""
        if depth > DEEPEST:
            raise QueryError(f"The query is nested more than {DEEPEST} deep.")
        match node:
            case tree.OrOperation():
                return self.joined(" OR ", node, depth, name)
            case tree.BaseOperation():
                return self.joined(" AND ", node, depth, name)
            case tree.Not() | tree.Prohibit():
                return f"NOT ({self.any(node.a, depth + 1, name)})"
            case tree.Plus():
                return self.any(node.a, depth + 1, name)
            case tree.BaseGroup():
                return f"({self.any(node.expr, depth + 1, name)})"
            case tree.SearchField():
                if name is not None:
                    raise QueryError(f'Put a value with a colon in quotes: {name}:"{node.name}:…".')
                return self.any(node.expr, depth + 1, known(node.name))
            case tree.Term() | tree.Range() | tree.From() | tree.To():
                return self.leaf(node, name)
        raise QueryError(f"{str(node).strip()!r}: boosts (^) and fuzzy matches (~) mean nothing in logs.")

    def joined(self, operator: str, node: tree.BaseOperation, depth: int, name: str | None) -> str:
        return "(" + operator.join(self.any(operand, depth + 1, name) for operand in node.children) + ")"

    def leaf(self, node: tree.Item, name: str | None) -> str:
        if name == "level":
            return self.level(node)
        if name is None or name == "body":
            return self.text(node)
        if name == "synthetic":
            return "synthetic" if _value(node, name).lower() in ("true", "yes", "1") else "NOT synthetic"
        if name in COLUMNS.values():
            return self.column(name, node, name)
        place, key = name.split(":", 1)
        if place == "either":
            return f"({self.attribute('attributes', key, node)} OR {self.attribute('resource', key, node)})"
        return self.attribute(place, key, node)

    def text(self, node: tree.Item) -> str:
        """Words in the line. The index finds whole words; the exact spelling is then looked for in what it found."""
        value = _value(node, "body")
        if isinstance(node, tree.Word) and node.has_wildcard():
            return f"lower(body) LIKE {self.parameter('%' + like_pattern(node.value) + '%')}"
        wanted, words = value.translate(_ASCII_LOWER), tokens(value)
        tests = []
        if words:
            tests.append(f"hasAllTokens(lower(body), {self.parameter(words, 'Array(String)')})")
        if words != [wanted]:
            tests.append(f"position(lower(body), {self.parameter(wanted)}) > 0")
        found = f"({' AND '.join(tests)})"
        if re.fullmatch(r"[0-9a-f]{32}", wanted):
            return f"({found} OR trace_id = {self.parameter(wanted)})"
        return found

    def level(self, node: tree.Item) -> str:
        def bounds(item: tree.Item) -> tuple[int, int]:
            word = _value(item, "level").lower()
            if word not in LEVELS:
                raise QueryError(f"{word!r} is not a level; levels are {', '.join(LEVELS)}.")
            return LEVELS[word]

        match node:
            case tree.From():
                low, high = bounds(node.a)
                return f"severity_number >= {low if node.include else high + 1}"
            case tree.To():
                low, high = bounds(node.a)
                return f"severity_number <= {high if node.include else low - 1}"
            case tree.Range():
                return f"severity_number BETWEEN {bounds(node.low)[0]} AND {bounds(node.high)[1]}"
        low, high = bounds(node)
        return f"severity_number BETWEEN {low} AND {high}"

    def column(self, sql: str, node: tree.Item, name: str, exists: str | None = None) -> str:
        """A text column or attribute: equal in any case, with wildcards, present (*), or compared as a number."""
        if isinstance(node, (tree.From, tree.To, tree.Range)):
            return self.compared(sql, node, name)
        if isinstance(node, tree.Word) and node.value == "*":
            return exists or f"{sql} != ''"
        if isinstance(node, tree.Word) and node.has_wildcard():
            return f"lower({sql}) LIKE {self.parameter(like_pattern(node.value))}"
        wanted = _value(node, name).translate(_ASCII_LOWER)
        plain = sql in ("trace_id", "span_id")  # kept in lower case; their index knows the bare column only
        return f"{sql if plain else f'lower({sql})'} = {self.parameter(wanted)}"

    def attribute(self, place: str, key: str, node: tree.Item) -> str:
        named = self.parameter(key)
        return self.column(f"{place}[{named}]", node, key, exists=f"mapContains({place}, {named})")

    def compared(self, sql: str, node: tree.Item, name: str) -> str:
        number = f"ifNull(toFloat64OrNull({sql})"
        match node:
            case tree.From():
                return f"{number} {'>=' if node.include else '>'} {self.number(node.a, name)}, 0)"
            case tree.To():
                return f"{number} {'<=' if node.include else '<'} {self.number(node.a, name)}, 0)"
        tests: list[str] = []
        sides: list[tuple[Any, str, Callable[[], bool]]] = [
            (node.low, ">", lambda: node.include_low),
            (node.high, "<", lambda: node.include_high),
        ]
        for bound, sign, include in sides:
            if not (isinstance(bound, tree.Word) and bound.value == "*"):
                tests.append(f"{number} {sign}{'=' if include() else ''} {self.number(bound, name)}, 0)")
        return f"({' AND '.join(tests)})" if tests else f"{sql} != ''"

    def number(self, node: tree.Item, name: str) -> str:
        value = ("-" if isinstance(node, tree.Prohibit) else "") + _value(
            node.a if isinstance(node, tree.Prohibit) else node, name
        )
        if not re.fullmatch(r"-?\d{1,18}(\.\d{1,18})?", value, re.ASCII):
            raise QueryError(f"{name} is compared with {value!r}; comparisons take a number such as 500 or 0.5.")
        return self.parameter(float(value), "Float64")


def known(name: str) -> str:
    """What a name means: a column, "level", "body", "synthetic", or "attributes:KEY", "resource:KEY", "either:KEY"."""
    name = _unescaped(name)
    if name in ("level", "severity"):
        return "level"
    if name in ("body", "message"):
        return "body"
    if name == "synthetic":
        return name
    if name in COLUMNS:
        return COLUMNS[name]
    place, _, key = name.partition(".")
    if place in ("attributes", "resource") and key:
        return f"{place}:{key}"
    if key and _ATTRIBUTE.fullmatch(name):
        return f"either:{name}"
    raise QueryError(f"There is no field {name!r}. Fields are {FIELDS}. Put text with a colon in quotes.")


def _value(node: tree.Item, name: str) -> str:
    if isinstance(node, tree.Phrase):
        return _unescaped(node.value[1:-1])
    if isinstance(node, tree.Word):
        return _unescaped(node.value)
    raise QueryError(f"{name} cannot be compared with {str(node).strip()!r}; put the text in quotes.")

"""What the database is asked: statements with their calls, from pg_stat_statements or from the server's log."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from psycopg import Connection
from psycopg.rows import dict_row

from golive.postgres.advice.access import Reading
from golive.postgres.advice.arguments import PARAMETER, Sample
from golive.postgres.advice.catalog import SQL
from golive.postgres.look.plans import lines
from golive.postgres.look.whose import asked_by_people

_NUMBER_OR_STRING = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b")
_DURATION = re.compile(r"duration: ([\d.]+) ms\s+(?:statement|execute [^:]*|plan):\s*(.*)", re.S)
_DETAIL = re.compile(r"(?:Query )?[Pp]arameters: (.*)", re.S)
_ARGUMENT = re.compile(r"\$(\d+) = (NULL|'((?:[^']|'')*)')")
_PREFIX = re.compile(r"^.*?\b(LOG|DETAIL|STATEMENT|ERROR|HINT|CONTEXT):\s+", re.M)
_NODE = r"\n[ \t]*(?=[A-Z][^\n]*\(cost=)"
_QUERY_TEXT = re.compile(rf"Query Text: (.*?)(?:\n\s*Query Parameters: (.*?))?{_NODE}", re.S)
_PLACE = re.compile(r"%s|%\(\w+\)s|(?<![:\w]):[a-z_]\w*", re.I)
_LIST = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.S)
MOST_RECORDED = 50


@dataclass(frozen=True)
class Statement:
    """One kind of statement. `recorded` are argument lists seen in the log."""

    key: str
    text: str
    calls: float
    total_ms: float = 0.0
    rows: float = 0.0
    recorded: tuple[tuple[str | None, ...], ...] = ()

    @property
    def mean_ms(self) -> float:
        return self.total_ms / self.calls if self.calls else 0.0


@dataclass
class Query:
    """A statement that could be read, and the texts by which it is priced and proved."""

    statement: Statement
    reading: Reading
    samples: list[Sample] = field(default_factory=list)

    @property
    def key(self) -> str:
        return self.statement.key

    @property
    def writes(self) -> bool:
        return self.reading.verb in ("insert", "update", "delete", "merge")


def from_statistics(connection: Connection[Any], limit: int = 200) -> list[Statement]:
    """The application's statements of this database that took most time, from pg_stat_statements."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(SQL["statements"], {"limit": limit * 5 + 100}).fetchall()
    readable = [row for row in rows if row["text"] and row["text"] != "<insufficient privilege>"]
    return [Statement(**row) for row in readable if asked_by_people(row["text"])][:limit]


def from_log(text: str) -> list[Statement]:
    """Statements of a server log (log_min_duration_statement or auto_explain, stderr or csvlog), grouped by shape."""
    found: dict[str, list[tuple[float, str, tuple[str | None, ...]]]] = defaultdict(list)
    for duration, statement, arguments in _entries(text):
        found[shape(statement)].append((duration, statement, arguments))
    statements = []
    for kind, entries in found.items():
        recorded = tuple(dict.fromkeys(arguments for _, _, arguments in entries if arguments))[:MOST_RECORDED]
        statements.append(
            Statement(kind[:80], entries[0][1], len(entries), sum(entry[0] for entry in entries), 0.0, recorded)
        )
    return sorted(statements, key=lambda one: -one.total_ms)


def joined(statements: Iterable[Statement], logged: Iterable[Statement]) -> list[Statement]:
    """The statistics' statements with the arguments that the log recorded for the same shape."""
    recorded = {shape(one.text): one.recorded for one in logged if one.recorded}
    return [
        Statement(one.key, one.text, one.calls, one.total_ms, one.rows, recorded.get(shape(one.text), ()))
        for one in statements
    ]


def shape(text: str) -> str:
    """A statement without its values, however driver or server write their places."""
    bare = _COMMENT.sub(" ", text)
    bare = _NUMBER_OR_STRING.sub("?", _PLACE.sub("?", PARAMETER.sub("?", bare)))
    return " ".join(_LIST.sub("(?)", bare).split()).rstrip("; ").lower()


def _entries(text: str) -> Iterator[tuple[float, str, tuple[str | None, ...]]]:
    for one in logged(text):
        yield one.ms, one.text, one.arguments


@dataclass(frozen=True)
class Logged:
    """One entry of a log: how long it took, the statement, its arguments, and its plan where auto_explain wrote it."""

    ms: float
    text: str
    arguments: tuple[str | None, ...] = ()
    plan: str = ""


def logged(text: str) -> Iterator[Logged]:
    """The entries of a server log that tell of statements; plans in auto_explain's text and JSON formats."""
    for message, detail in _csv(text) if text.startswith(("20", '"20')) and text.count('","') > 20 else _plain(text):
        if not (match := _DURATION.search(message)):
            continue
        found = Logged(float(match[1]), match[2].strip(), _arguments(detail))
        if plan := _QUERY_TEXT.search(message):
            tree = message[plan.end() :].rstrip()
            found = Logged(found.ms, plan[1].strip(), _arguments(plan[2] or detail), tree)
        elif match[2].lstrip().startswith("{"):
            found = _of_json(found, match[2])
        if found.text:
            yield found


def _of_json(found: Logged, text: str) -> Logged:
    """An entry whose plan is JSON; one that was cut off tells nothing."""
    try:
        whole = orjson.loads(text)
        tree = "\n".join(lines(whole["Plan"]))
        return Logged(found.ms, whole["Query Text"], _arguments(whole.get("Query Parameters", "")), tree)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return Logged(found.ms, "")


def _plain(text: str) -> Iterator[tuple[str, str]]:
    """(message, its DETAIL) of each LOG entry; lines that begin with a tab belong to the entry before."""
    message = detail = ""
    kind = ""
    for line in text.splitlines():
        if match := _PREFIX.match(line):
            kind, rest = match[1], line[match.end() :]
            if kind == "LOG":
                if message:
                    yield message, detail
                message, detail = rest, ""
            elif kind == "DETAIL":
                detail = rest
        elif kind == "LOG":
            message += "\n" + line.removeprefix("\t").rstrip()
        elif kind == "DETAIL":
            detail += " " + line.strip()
    if message:
        yield message, detail


def _csv(text: str) -> Iterator[tuple[str, str]]:
    for row in csv.reader(io.StringIO(text)):
        if len(row) > 14 and row[11] == "LOG":
            yield row[13], row[14]


def _arguments(detail: str) -> tuple[str | None, ...]:
    match = _DETAIL.search(detail) or re.search(r"(\$1 = .*)", detail, re.S)
    if not match:
        return ()
    return tuple(
        None if whole == "NULL" else inner.replace("''", "'") for _, whole, inner in _ARGUMENT.findall(match[1])
    )

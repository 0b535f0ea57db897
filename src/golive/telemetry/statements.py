"""Reading SQL just far enough to route it: where statements end, what kind they are, what an INSERT carries."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Order matters: a quote or comment swallows everything up to its end.
_TOKEN = re.compile(
    r"""
    (?P<comment> --[^\n]* | \#[!\ ][^\n]* | /\*.*?\*/ )
  | (?P<string> '(?:[^'\\]|\\.|'')*' | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
  | (?P<quoted> `(?:[^`\\]|\\.|``)*` | "(?:[^"\\]|\\.|"")*" )
  | (?P<word> [^\W\d]\w* )
  | (?P<number> \d[\w.]* )
  | (?P<space> \s+ )
  | (?P<sign> . )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A piece of SQL: its kind (word, quoted, string, number, sign), text and place."""

    kind: str
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.upper() in words


def tokens(sql: str) -> Iterator[Token]:
    """The tokens of a text, comments and white space left out."""
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup if match.lastgroup != "tag" else "string"
        if kind not in ("comment", "space"):
            yield Token(str(kind), match.group(), match.start(), match.end())


def split(text: str) -> list[str]:
    """The statements of a script, without their semicolons and without empty ones."""
    found, start, seen = [], 0, False
    for token in tokens(text):
        if token.kind == "sign" and token.text == ";":
            if seen:
                found.append(text[start : token.start].strip())
            start, seen = token.end, False
        else:
            seen = True
    if seen:
        found.append(text[start:].strip())
    return found


@dataclass(frozen=True)
class Insert:
    """An INSERT whose data follows: the statement without its FORMAT clause, the format, and where data begin."""

    sql: str
    format: str
    data_starts: int


def insert_of(sql: str) -> Insert | None:
    """The INSERT with data to come that this text begins with, or None (another statement, or INSERT … SELECT)."""
    depth, first, previous = 0, True, None
    for token in tokens(sql):
        if first:
            if not token.is_word("INSERT"):
                return None
            first = False
        if token.text in "()" and token.kind == "sign":
            depth += 1 if token.text == "(" else -1
        elif depth == 0:
            if token.is_word("SELECT", "WITH"):
                return None
            if token.is_word("VALUES") and previous is not None and not previous.is_word("INTO", "TABLE"):
                return Insert(sql[: token.start].rstrip(), "Values", token.end)
            if previous is not None and previous.is_word("FORMAT") and token.kind == "word":
                return Insert(sql[: previous.start].rstrip(), token.text, token.end)
        previous = token
    return None

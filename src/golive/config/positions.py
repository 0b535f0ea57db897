"""Where each key of a TOML text stands, so that an error can name its line: tomllib keeps no positions.

The text must already have been accepted by tomllib; this reader only finds its way, it does not validate.
"""

import tomllib

Path = tuple[str | int, ...]


def positions(text: str) -> dict[Path, int]:
    """The line (from 1) of every key, table and array element, by path: ("checks", "home", "url") -> 12."""
    return _Finder(text).document()


class _Finder:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.found: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}

    def document(self) -> dict[Path, int]:
        prefix: Path = ()
        while self._skip_blank(newlines=True):
            if self._peek() == "[":
                prefix = self._header()
            else:
                self._pair(prefix)
        return self.found

    def _header(self) -> Path:
        many = self.text.startswith("[[", self.at)
        self._move(2 if many else 1)
        path = self._current(self._key())
        line = self.line
        self._move(2 if many else 1)
        for length in range(1, len(path)):
            self._keep(path[:length], line)
        if many:
            number = self.counts.get(path, -1) + 1
            self.counts[path] = number
            self._keep(path, line)
            path = (*path, number)
        self._keep(path, line)
        return path

    def _current(self, key: tuple[str, ...]) -> Path:
        """A header's path, with the number of the newest element of each array of tables on its way."""
        path: Path = ()
        for place, part in enumerate(key):
            path = (*path, part)
            if place < len(key) - 1 and path in self.counts:
                path = (*path, self.counts[path])
        return path

    def _pair(self, prefix: Path) -> None:
        line = self.line
        path = prefix
        for part in self._key():
            path = (*path, part)
            self._keep(path, line)
        self._skip_blank()
        self._move(1)  # the equals sign
        self._value(path)

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            self._skip_blank()
            if self._peek() in "\"'":
                begin = self.at
                self._string()
                parts.append(tomllib.loads(f"k = {self.text[begin : self.at]}")["k"])
            else:
                begin = self.at
                while self._peek().isalnum() or self._peek() in ("-", "_"):
                    self._move(1)
                parts.append(self.text[begin : self.at])
            self._skip_blank()
            if self._peek() != ".":
                return tuple(parts)
            self._move(1)

    def _value(self, path: Path) -> None:
        self._skip_blank()
        first = self._peek()
        if first in ('"', "'"):
            self._string()
        elif first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            while self._peek() not in ("", ",", "]", "}", "\n", "#"):
                self._move(1)

    def _array(self, path: Path) -> None:
        self._move(1)
        number = 0
        while self._skip_blank(newlines=True) and self._peek() != "]":
            if self._peek() == ",":
                self._move(1)
                continue
            self._keep((*path, number), self.line)
            self._value((*path, number))
            number += 1
        self._move(1)

    def _inline_table(self, path: Path) -> None:
        self._move(1)
        while self._skip_blank(newlines=True) and self._peek() != "}":
            if self._peek() == ",":
                self._move(1)
                continue
            self._pair(path)
        self._move(1)

    def _string(self) -> None:
        quote = self._peek()
        mark = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self._move(len(mark))
        while self.at < len(self.text) and not self.text.startswith(mark, self.at):
            self._move(2 if quote == '"' and self._peek() == "\\" else 1)
        self._move(len(mark))
        while len(mark) == 3 and self._peek() == quote:  # a multi-line string may end in up to five quotes
            self._move(1)

    def _skip_blank(self, *, newlines: bool = False) -> bool:
        while self.at < len(self.text):
            if self._peek() == "#":
                while self._peek() not in ("", "\n"):
                    self._move(1)
            elif self._peek() in " \t\r" or (newlines and self._peek() == "\n"):
                self._move(1)
            else:
                return True
        return False

    def _keep(self, path: Path, line: int) -> None:
        self.found.setdefault(path, line)

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _move(self, count: int) -> None:
        self.line += self.text.count("\n", self.at, self.at + count)
        self.at += count

"""Reading golive.toml: one file, an overlay merged over it, and every section checked before anything is used.

All problems are reported together, each with file, line, key, what was found and what is accepted.
"""

import difflib
import tomllib
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import ErrorDetails

from golive.config import positions
from golive.config.sections import Section

KeyPath = positions.Path


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the file. `line` is 0 when the whole file is meant."""

    file: str
    line: int
    key: str
    found: str
    accepted: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(filter(None, [place, self.key, f"found {self.found}; accepted: {self.accepted}"])) + (
            f". {self.hint}" if self.hint else ""
        )


class ConfigError(Exception):
    """The file cannot be used; `problems` says all that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = list(problems)


@dataclass
class Document:
    """A parsed file: its data and, for each path, the file and line where it stands."""

    data: dict[str, Any]
    places: dict[KeyPath, tuple[str, int]] = field(default_factory=dict)
    name: str = "golive.toml"

    def place(self, path: KeyPath) -> tuple[str, int]:
        """File and line of a path, or of the nearest table around it."""
        while path:
            if path in self.places:
                return self.places[path]
            path = path[:-1]
        return self.name, 0


def read(file: Path, *overlays: Path) -> Document:
    """Parse `file`, and merge `overlays` over it in their order, table by table. Raises ConfigError."""
    return reduce(merge, map(_parse, overlays), _parse(file))


def _parse(file: Path) -> Document:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(
            [Problem(str(file), 0, "", f"no readable file ({why})", "a golive.toml; give its path as FILE")]
        ) from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = _line_in(str(error)) or len(text.splitlines())  # "at end of document"
        raise ConfigError(
            [Problem(str(file), line, "", f"text that is not TOML ({error})", "valid TOML 1.0")]
        ) from error
    places = {path: (str(file), line) for path, line in positions.positions(text).items()}
    return Document(data, places, str(file))


def _line_in(message: str) -> int:
    _, _, rest = message.partition("at line ")
    digits = rest.partition(",")[0]
    return int(digits) if digits.isdigit() else 0


def merge(below: Document, above: Document) -> Document:
    """`above` over `below`: tables merge key by key, any other value replaces."""
    places = {**below.places, **above.places}
    return Document(_merged(below.data, above.data), places, below.name)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def validate(document: Document, sections: Iterable[Section]) -> dict[str, BaseModel]:
    """Each section's model by key; a section absent from the file is its model's defaults. Raises ConfigError."""
    known = {section.key: section for section in sections}
    problems = [
        _unknown(document, (key,), document.data[key], list(known)) for key in document.data if key not in known
    ]
    wanted: dict[str, BaseModel] = {}
    for key, section in known.items():
        try:
            wanted[key] = section.model.model_validate(document.data.get(key, {}))
        except ValidationError as error:
            if key in document.data:
                problems += [_problem(document, section, detail) for detail in error.errors(include_url=False)]
    if problems:
        raise ConfigError(sorted(set(problems), key=lambda problem: (problem.file, problem.line, problem.key)))
    return wanted


def _unknown(document: Document, path: KeyPath, value: Any, accepted: Sequence[str]) -> Problem:
    file, line = document.place(path)
    near = difflib.get_close_matches(str(path[-1]), accepted, n=1)
    kind = "section" if len(path) == 1 else "key"
    return Problem(
        file,
        line,
        dotted(path),
        f"an unknown {kind} {str(path[-1])!r}",
        ", ".join(sorted(set(accepted))) or "nothing here",
        f"Did you mean {near[0]!r}?" if near else "",
    )


def _problem(document: Document, section: Section, detail: ErrorDetails) -> Problem:
    path, value = _follow(document.data, (section.key, *detail["loc"]))
    if detail["type"] == "extra_forbidden":
        return _unknown(document, path, value, fields_at(section.model, path[1:-1]))
    file, line = document.place(path)
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing":
        missing = str(detail["loc"][-1])
        return Problem(file, line, dotted((*path, missing)), "nothing", f"{missing} is needed here")
    return Problem(file, line, dotted(path), _shown(value), message[:1].lower() + message[1:])


def _follow(data: Any, location: Iterable[Any]) -> tuple[KeyPath, Any]:
    """The part of a pydantic location that exists in the data (it also names unions and validators)."""
    path: KeyPath = ()
    for part in location:
        if (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        ):
            data, path = data[part], (*path, part)
    return path, data


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a table with " + (", ".join(value) or "nothing in it")
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 80 else text[:77] + "…"


def fields_at(kind: Any, path: Sequence[str | int]) -> list[str]:
    """The keys that a section's model accepts at a path below it."""
    models = [model for model in _models(kind) if isinstance(model, type) and issubclass(model, BaseModel)]
    if path:
        below = [names for model in _models(kind) for names in [fields_at(_step(model, path[0]), path[1:])] if names]
        return below[0] if below else []
    return [
        info.alias or name
        for model in models
        if not issubclass(model, RootModel)
        for name, info in model.model_fields.items()
    ]


def _models(kind: Any) -> list[Any]:
    origin = get_origin(kind)
    if origin is Annotated:
        return _models(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return [model for option in get_args(kind) for model in _models(option)]
    if isinstance(kind, type) and issubclass(kind, RootModel):
        return _models(kind.model_fields["root"].annotation)
    return [kind]


def _step(kind: Any, part: str | int) -> Any:
    origin = get_origin(kind)
    if origin is dict:
        return get_args(kind)[1]
    if origin in (list, tuple, set):
        return get_args(kind)[0]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, info in kind.model_fields.items():
            if part in (name, info.alias):
                return info.annotation
    return None


def dotted(path: Iterable[str | int]) -> str:
    """A path as people write it: checks.home.url, status.components[0].name."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text

"""The registry of golive.toml's sections: each room registers the part of the file that is its own.

A section is read as a whole into a pydantic model (`extra="forbid"`), compared with what is in force, shown,
then applied. Rooms register at import of their `section.py`, which composition imports at start-up.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True)
class Difference:
    """One thing that `golive apply` would change: `subject` is a dotted key such as "checks.home"."""

    subject: str
    before: str | None
    after: str | None

    @property
    def verb(self) -> str:
        if self.before is None:
            return "add"
        return "remove" if self.after is None else "change"


@dataclass(frozen=True)
class Section:
    """One top-level key of golive.toml.

    `differences(project_id, wanted)` compares the validated section with what is in force and changes nothing;
    `apply(project_id, wanted, actor)` puts it in force in one transaction. A section absent from the file is
    passed as `wanted=model()` where the model has defaults for all, so that cookbook defaults apply.
    """

    key: str
    model: type[BaseModel]
    differences: Callable[[int, Any], list[Difference]]
    apply: Callable[[int, Any, str], None]


_sections: dict[str, Section] = {}


def register(section: Section) -> Section:
    """Add a section; the same key twice is a mistake in the code."""
    if section.key in _sections:
        raise ValueError(f"golive.toml section [{section.key}] is registered twice")
    _sections[section.key] = section
    return section


def registered() -> Iterable[Section]:
    """All sections in the order of registration (lower rooms first)."""
    return tuple(_sections.values())

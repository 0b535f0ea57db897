"""What rooms put on the home page: sentences for its headline, panels below. Registered in their `panels.py`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest

from golive.people.models import Project


@dataclass(frozen=True)
class Sentence:
    """A clause of the home page's first sentence; `tell` returns None when it has nothing to say."""

    order: int
    tell: Callable[[Project], str | None]


@dataclass(frozen=True)
class Panel:
    """A block of the home page: `render` returns its HTML; it is loaded and refreshed on its own by htmx."""

    name: str
    order: int
    width: int  # of twelve columns
    render: Callable[[HttpRequest, Project], str]
    every_seconds: int = 10


@dataclass(frozen=True)
class Hit:
    """One thing found by a search."""

    title: str
    link: str
    detail: str = ""
    state: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Search:
    """What a room can find: `find(project, text, limit)` returns its best hits, most telling first."""

    name: str
    order: int
    find: Callable[[Project, str, int], Sequence[Hit]]


_searches: dict[str, Search] = {}
_sentences: list[Sentence] = []
_panels: dict[str, Panel] = {}


def register_sentence(sentence: Sentence) -> None:
    _sentences.append(sentence)


def register_panel(panel: Panel) -> None:
    _panels[panel.name] = panel


def register_search(search: Search) -> None:
    _searches[search.name] = search


def searches() -> list[Search]:
    return sorted(_searches.values(), key=lambda search: search.order)


def sentences() -> list[Sentence]:
    return sorted(_sentences, key=lambda sentence: sentence.order)


def panels() -> list[Panel]:
    return sorted(_panels.values(), key=lambda panel: panel.order)


def panel(name: str) -> Panel | None:
    return _panels.get(name)

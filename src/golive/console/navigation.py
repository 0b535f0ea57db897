"""The navigation: each room's `pages.py` lists its entries in NAVIGATION."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A place in the navigation. `view` is a URL name that takes the project's slug; `g` then `key` goes there."""

    label: str
    view: str
    icon: str  # a Tabler icon's name
    key: str
    order: int

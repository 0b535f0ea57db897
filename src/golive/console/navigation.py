"""The navigation: each room's `pages.py` lists its entries in NAVIGATION."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from django.core.cache import cache

from golive.people.models import Project

# A heading from this `order` on, after what a team does in production. Without words: a gap, and what concerns all.
HEADINGS = ((0, ""), (20, "Watch"), (50, "Respond"), (60, "Ship"), (70, "Scale"), (80, "Be ready"), (90, ""))

NOTE_SECONDS = 10


@dataclass(frozen=True)
class Entry:
    """A place in the navigation. `view` is a URL name that takes the project's slug; `g` then `key` goes there.

    `order` also says which of the HEADINGS it stands under.
    """

    label: str
    view: str
    icon: str  # a Tabler icon's name
    key: str
    order: int
    note: Callable[[Project], str] | None = None  # a word or two beside the label on every page, such as who is on call

    def noted(self, project: Project) -> str:
        """The note, a few seconds old at most."""
        if self.note is None:
            return ""
        note = partial(self.note, project)
        return str(cache.get_or_set(f"console.note.{self.view}.{project.pk}", note, NOTE_SECONDS))


def grouped(entries: Iterable[Entry]) -> list[tuple[str, Sequence[Entry]]]:
    """The entries in their order under their headings; a heading without entries is left out."""
    inside: dict[int, list[Entry]] = {start: [] for start, _ in HEADINGS}
    for entry in sorted(entries, key=lambda entry: entry.order):
        inside[max(start for start in inside if start <= entry.order)].append(entry)
    return [(words, inside[start]) for start, words in HEADINGS if inside[start]]

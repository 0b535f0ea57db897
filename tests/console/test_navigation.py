"""Places stand under the heading that their order says."""

import re
from collections import Counter

import pytest

from golive import urls
from golive.console.navigation import HEADINGS, Entry, grouped


def place(order: int) -> Entry:
    return Entry(str(order), "home", "home", str(order), order)


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ([], []),
        ([90, 0, 10], [("", ["0", "10"]), ("", ["90"])]),
        ([20, 49, 50], [("Watch", ["20", "49"]), ("Respond", ["50"])]),
        ([85, 62, 60], [("Ship", ["60", "62"]), ("Be ready", ["85"])]),
    ],
)
def test_grouped(orders: list[int], expected: list[tuple[str, list[str]]]) -> None:
    found = [(words, [entry.label for entry in entries]) for words, entries in grouped(map(place, orders))]
    assert found == expected


def test_every_order_has_a_place() -> None:
    assert HEADINGS[0][0] == 0
    assert sum(len(entries) for _, entries in grouped(map(place, range(200)))) == 200


def test_no_page_hides_another() -> None:
    """Of two pages with one address only the first is ever seen; of two with one name, links go to the last."""
    patterns = [pattern for module in urls.PAGES for pattern in module.urlpatterns]
    addresses = [re.sub(r"<(?:\w+:)?\w+>", "<>", str(pattern.pattern)) for pattern in patterns]
    names = [pattern.name for pattern in patterns if pattern.name]
    for found in (addresses, names):
        assert [one for one, count in Counter(found).items() if count > 1] == []

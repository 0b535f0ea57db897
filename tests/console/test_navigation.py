"""Places stand under the heading that their order says."""

import pytest

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

"""Which mail of the sequence is due."""

from datetime import UTC, datetime, timedelta

import pytest

from acme.letters import Facts, due, unsubscribe_token

START = datetime(2026, 3, 1, tzinfo=UTC)


def facts(project: bool = False, members: int = 1, unsubscribed: bool = False) -> Facts:
    return Facts(START, project, members, unsubscribed)


@pytest.mark.parametrize(
    ("days", "who", "sent", "keys"),
    [
        (0, facts(), set(), ["welcome"]),
        (0, facts(), {"welcome"}, []),
        (1, facts(), {"welcome"}, ["first-project"]),
        (1, facts(project=True), {"welcome"}, []),
        (3, facts(), {"welcome", "first-project"}, ["invite"]),
        (3, facts(members=2), {"welcome", "first-project"}, []),
        (7, facts(), {"welcome"}, ["plans"]),
        (7, facts(unsubscribed=True), set(), []),
        (30, facts(), set(), []),
    ],
)
def test_what_is_due(days: int, who: Facts, sent: set[str], keys: list[str]) -> None:
    assert [stage.key for stage in due(who, sent, START + timedelta(days=days))] == keys


def test_nobody_can_make_the_link_of_somebody_else() -> None:
    assert unsubscribe_token("a" * 32, 7) != unsubscribe_token("b" * 32, 7)
    assert unsubscribe_token("a" * 32, 7).startswith("7.")

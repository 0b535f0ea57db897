"""Small decisions about text, time and addresses."""

from datetime import UTC, datetime, timedelta

import pytest

from acme.mail import invitation, password_reset, payment_failed, verification
from acme.people import Refused, clean_email, clean_name
from acme.ratelimit import Limit, seconds_left, window_start
from acme.reports import ProjectFigures, Report, Week, in_words
from acme.web.render import safe_path

LIMIT = Limit("x", 3, timedelta(minutes=5))


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("/app/reports", "/app/reports"),
        ("/app?x=1", "/app?x=1"),
        ("https://evil.example", "/app"),
        ("//evil.example", "/app"),
        ("/\\evil.example", "/app"),
        ("", "/app"),
        ("/app\r\nSet-Cookie: x", "/app"),
    ],
)
def test_only_our_own_pages_follow_a_login(path: str, safe: str) -> None:
    assert safe_path(path) == safe


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "none yet"),
        (10, "1 min"),
        (600, "10 min"),
        (3600, "1 hour"),
        (7200, "2 hours"),
        (86_400, "1 day"),
        (260_000, "3 days"),
    ],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("typed", "clean"),
    [(" ada@example.com ", "ada@example.com"), ("Ada@EXAMPLE.com", "Ada@example.com"), ("a+b@c.org", "a+b@c.org")],
)
def test_addresses_are_normalised(typed: str, clean: str) -> None:
    assert clean_email(typed) == clean


@pytest.mark.parametrize("typed", ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@example..com"])
def test_what_is_not_an_address(typed: str) -> None:
    with pytest.raises(Refused):
        clean_email(typed)


@pytest.mark.parametrize(("typed", "clean"), [("  Ada   Lovelace ", "Ada Lovelace"), ("x" * 80, "x" * 80)])
def test_names_are_tidied(typed: str, clean: str) -> None:
    assert clean_name(typed, "a name") == clean


@pytest.mark.parametrize("typed", ["", "   ", "x" * 81])
def test_what_is_not_a_name(typed: str) -> None:
    with pytest.raises(Refused, match="a name"):
        clean_name(typed, "a name")


@pytest.mark.parametrize(
    ("minute", "start", "left"),
    [(0, 0, 300), (4, 0, 60), (5, 5, 300), (9, 5, 60)],
)
def test_windows_of_a_limit(minute: int, start: int, left: int) -> None:
    now = datetime(2026, 11, 1, 12, minute, tzinfo=UTC)
    assert window_start(LIMIT, now) == datetime(2026, 11, 1, 12, start, tzinfo=UTC)
    assert seconds_left(LIMIT, now) == left


def test_letters_say_who_what_and_where() -> None:
    link = "https://acme.example/x?token=t"
    for letter in (
        verification("a@example.com", "Ada", link),
        password_reset("a@example.com", "Ada", link),
        invitation("a@example.com", "Ada", "Engines", link),
        payment_failed("a@example.com", "Engines", link),
    ):
        assert letter.to == "a@example.com"
        assert letter.subject
        assert link in letter.text


def test_a_report_adds_up() -> None:
    weeks = [Week(datetime(2026, 11, 2).date(), 4, 1), Week(datetime(2026, 11, 9).date(), 2, 7)]
    made = Report(weeks, [ProjectFigures("a", 3, 8, 1, None), ProjectFigures("b", 2, 0, 2, 5.0)])
    assert (made.open, made.done, made.overdue, made.busiest) == (5, 8, 3, 7)


def test_an_empty_report_has_a_scale() -> None:
    assert Report([], []).busiest == 1

"""Numbers, times and states in words."""

from datetime import UTC, datetime, timedelta

import pytest

from golive.console import words

N = words.THIN
NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (999, "999"), (999.6, "1.0k"), (1234, "1.2k"), (12_345, "12k"), (3_400_000, "3.4M"), (2e9, "2.0G"),
     (0.25, "0.25"), (12.34, "12.3"), (-1500, "-1.5k"), (None, "—"), (float("nan"), "—"), ("", "—")],
)  # fmt: skip
def test_compact(value: object, said: str) -> None:
    assert words.compact(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (0.0042, "0.42"), (0.01, "1.0"), (0.123, "12.3"), (0.5, "50"), (0.9995, "99.95"), (1, "100"),
     (0.99999, "100")],
)  # fmt: skip
def test_percent(value: float, said: str) -> None:
    assert words.percent(value) == f"{said}{N}%"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, f"0.0{N}ms"), (0.0042, f"0.004{N}ms"), (0.04, f"0.04{N}ms"), (0.0996, f"0.1{N}ms"),
     (0.84, f"0.8{N}ms"), (42.4, f"42{N}ms"), (999.4, f"999{N}ms"), (999.6, f"1.00{N}s"), (1240, f"1.24{N}s"),
     (12_400, f"12.4{N}s"), (125_000, "2m 5s"), (None, "—")],
)  # fmt: skip
def test_milliseconds(value: float | None, said: str) -> None:
    assert words.milliseconds(value) == said


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [(123_456, "EUR", f"€1{N}234.56"), (0, "USD", "$0.00"), (1200, "JPY", f"¥1{N}200"), (999, "CHF", f"9.99{N}CHF"),
     (-500, "EUR", "€-5.00"), (None, "EUR", "—")],
)  # fmt: skip
def test_money(minor: int | None, currency: str, said: str) -> None:
    assert words.money(minor, currency) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(2, "just now"), (42, f"42{N}s ago"), (200, f"3{N}min ago"), (7300, f"2{N}h ago"), (200_000, f"2{N}d ago"),
     (-200, f"in 3{N}min"), (86400 * 90, f"3{N}months ago")],
)  # fmt: skip
def test_ago(seconds: int, said: str) -> None:
    assert words.ago(NOW - timedelta(seconds=seconds), NOW) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0.4, f"0.4{N}/s"), (1234, f"1.2k{N}/s"), (0.05, f"3.0{N}/min"), (0, f"0{N}/s")]
)
def test_rates(value: float, said: str) -> None:
    assert words.per_second(value) == said


def test_unknown_is_never_green() -> None:
    assert words.state("a word nobody knows").tone == "unknown"
    assert words.state("unknown").tone == "unknown"
    assert {words.state(name).tone for name in ("ok", "up", "resolved")} == {"ok"}


def test_each_state_has_an_icon_and_a_word() -> None:
    assert all(look.icon and look.word for look in words.STATES.values())

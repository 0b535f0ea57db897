"""Faults: what can be asked for, and whom it hits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acme.faults.switches import Active, Fault, WrongFault, on_now, read

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", list(Fault))
def test_every_fault_can_be_read_without_settings(name: str) -> None:
    assert read(name, {}, None).fault == name


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("earthquake", {}),
        ("slow", {"colour": "red"}),
        ("errors", {"share": 0}),
        ("errors", {"share": 1.1}),
        ("errors", {"share": "half"}),
        ("slow", {"delay_seconds": 61}),
        ("leak", {"connections": 0}),
    ],
)
def test_nonsense_is_refused(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(WrongFault):
        read(name, settings, None)


@pytest.mark.parametrize(
    ("fault", "route", "dice", "hit"),
    [
        (Active(Fault.ERRORS), "/app", 0.99, True),
        (Active(Fault.ERRORS, route="/app/reports"), "/app", 0.0, False),
        (Active(Fault.ERRORS, route="/app/reports"), "/app/reports", 0.0, True),
        (Active(Fault.ERRORS, share=0.25), "/app", 0.24, True),
        (Active(Fault.ERRORS, share=0.25), "/app", 0.25, False),
    ],
)
def test_whom_a_fault_hits(fault: Active, route: str, dice: float, hit: bool) -> None:
    assert fault.concerns(route, dice) is hit


def test_faults_end_by_themselves() -> None:
    lasting, over = Active(Fault.SLOW), Active(Fault.LEAK, until=NOW - timedelta(seconds=1))
    ahead = Active(Fault.ERRORS, until=NOW + timedelta(seconds=1))
    assert on_now([lasting, over, ahead], NOW) == {Fault.SLOW: lasting, Fault.ERRORS: ahead}

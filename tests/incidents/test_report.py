"""The monthly report counts: tables."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from golive.incidents.report import Fired, Page, Told, month, report

M = timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)  # 03:30 in Berlin
DAY = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def told(number, severity="critical", detected=M, acknowledged=5 * M, mitigated=20 * M, **said):
    fixed = {"clocks_met": 3, "clocks_missed": 1, "reviewed": False, "due": True} | said
    return Told(number, "x", severity, detected, acknowledged, mitigated, **fixed)


def test_means_are_over_critical_incidents_that_have_the_measure():
    found = report(
        [told(1), told(2, detected=3 * M, acknowledged=None, mitigated=40 * M), told(3, "warning", 99 * M)], [], []
    )
    assert (found.mttd, found.mtta, found.mttr) == (2 * M, 5 * M, 30 * M)
    assert (found.incidents, found.critical, found.clocks_met, found.clocks_missed) == (3, 2, 9, 3)


def test_an_empty_month_has_no_means():
    found = report([], [], [])
    assert (found.mttd, found.mtta, found.mttr, found.load, found.noise) == (None, None, None, [], [])


def test_pages_count_by_the_hour_of_the_person():
    found = report([], [Page("ada", NIGHT, BERLIN), Page("ada", DAY, BERLIN), Page("ben", DAY)], [])
    ada, ben = found.load
    assert (ada.who, ada.pages, ada.at_night, ada.by_hour[3], ada.by_hour[13]) == ("ada", 2, 1, 1, 1)
    assert (ben.pages, ben.at_night, ben.by_hour[12]) == (1, 0, 1)


def test_noise_is_what_nobody_had_to_act_on():
    fired = [
        Fired("check:a", 1, True),
        Fired("check:b", 2, False),
        Fired("check:b", 3, False),
        Fired("check:a", 4, False),
    ]
    assert [(one.source, one.fired, one.for_nothing) for one in report([], [], fired).noise] == [
        ("check:b", 2, 2),
        ("check:a", 2, 1),
    ]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-12", (2026, 12, 1), (2027, 1, 1)),
        ("2026-02", (2026, 2, 1), (2026, 3, 1)),
        ("", (2026, 11, 1), (2026, 12, 1)),
    ],
)
def test_month(text, first, last):
    assert month(text, DAY) == (datetime(*first, tzinfo=UTC), datetime(*last, tzinfo=UTC))


def test_not_a_month():
    with pytest.raises(ValueError, match="2026-11"):
        month("soon", DAY)

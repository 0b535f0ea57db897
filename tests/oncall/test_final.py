"""The final schedule: tables of instants around clock changes, and properties for any schedule."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golive.oncall.final import Gap, Override, Shift, final_schedule, on_call
from golive.oncall.layers import DAY, WEEK, Hours, Layer
from golive.oncall.wallclock import instant, wall

H = timedelta(hours=1)
BERLIN, NEW_YORK, SYDNEY = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Australia/Sydney")
LORD_HOWE, APIA, KATHMANDU = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia"), ZoneInfo("Asia/Kathmandu")
ZONES = [ZoneInfo("UTC"), BERLIN, NEW_YORK, SYDNEY, LORD_HOWE, APIA, KATHMANDU]
MONDAY = datetime(2026, 11, 2, 9)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("local", "zone", "at"),
    [
        (datetime(2026, 1, 5, 9), BERLIN, utc(2026, 1, 5, 8)),
        (datetime(2026, 7, 6, 9), BERLIN, utc(2026, 7, 6, 7)),
        (datetime(2026, 3, 29, 2, 30), BERLIN, utc(2026, 3, 29, 1)),  # skipped: the instant of the change
        (datetime(2026, 10, 25, 2, 30), BERLIN, utc(2026, 10, 25, 0, 30)),  # twice: the first
        (datetime(2026, 10, 4, 2, 10), LORD_HOWE, utc(2026, 10, 3, 15, 30)),  # half an hour is skipped
        (datetime(2011, 12, 30, 12), APIA, utc(2011, 12, 30, 10)),  # a whole day is skipped
    ],
)
def test_wall_clock_times_become_instants(local, zone, at):
    assert instant(local, zone) == at


def test_a_weekly_handoff_stays_at_nine_when_the_clock_changes():
    layer = Layer(("ada", "ben"), WEEK, datetime(2026, 10, 19, 9), BERLIN)
    shifts = final_schedule([layer], [], utc(2026, 10, 19, 7), utc(2026, 11, 2, 8))
    assert shifts == [
        Shift("ada", utc(2026, 10, 19, 7), utc(2026, 10, 26, 8), 1),  # the week of the change is an hour longer
        Shift("ben", utc(2026, 10, 26, 8), utc(2026, 11, 2, 8), 1),
    ]


def test_following_the_sun_leaves_no_gap_and_a_missing_zone_leaves_one():
    day = tuple(Hours(DAY * n + 8 * H, DAY * n + 20 * H) for n in range(7))
    berlin = Layer(("ada",), WEEK, datetime(2026, 11, 2), BERLIN, day)
    west = Layer(("ben",), WEEK, datetime(2026, 11, 1), ZoneInfo("America/Los_Angeles"), day)
    since, until = utc(2026, 11, 4), utc(2026, 11, 5)
    assert final_schedule([berlin], [], since, until) == [
        Gap(since, utc(2026, 11, 4, 7)),
        Shift("ada", utc(2026, 11, 4, 7), utc(2026, 11, 4, 19), 1),
        Gap(utc(2026, 11, 4, 19), until),
    ]
    both = [piece for piece in final_schedule([west, berlin], [], since, until) if isinstance(piece, Gap)]
    assert both == [Gap(utc(2026, 11, 4, 4), utc(2026, 11, 4, 7))]  # 12 hours each, nine apart: three remain


def test_the_last_layer_and_the_latest_override_count():
    whole = Layer(("ada",), WEEK, MONDAY, ZoneInfo("UTC"))
    nights = Layer(
        ("ben",), DAY, MONDAY, ZoneInfo("UTC"), tuple(Hours(DAY * n + 22 * H, DAY * n + 30 * H) for n in range(7))
    )
    since = utc(2026, 11, 3, 20)
    taken = [Override("cy", since + H, since + 4 * H), Override("dee", since + 3 * H, since + 5 * H)]
    final = final_schedule([whole, nights], taken, since, since + 12 * H)
    assert [(piece.who, (piece.since - since) // H, piece.layer) for piece in final] == [
        ("ada", 0, 1), ("cy", 1, 0), ("dee", 3, 0), ("ben", 5, 2), ("ada", 10, 1),
    ]  # fmt: skip


def test_before_the_start_and_after_the_end_nobody_is_on_call():
    layer = Layer(("ada",), DAY, MONDAY, BERLIN, end=MONDAY + 2 * DAY)
    pieces = final_schedule([layer], [], utc(2026, 11, 1), utc(2026, 11, 6))
    assert [type(piece) for piece in pieces] == [Gap, Shift, Shift, Gap]
    assert on_call([], [], utc(2026, 11, 1)) is None
    assert final_schedule([layer], [], utc(2026, 11, 6), utc(2026, 11, 6)) == []


instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
minutes = st.integers(0, 7 * 24 * 60 - 1).map(lambda count: timedelta(minutes=count))
hours = st.builds(
    lambda start, length: Hours(start, start + length),
    minutes,
    st.integers(1, 7 * 24 * 60).map(lambda n: timedelta(minutes=n)),
)
layers = st.builds(
    Layer,
    people=st.lists(st.sampled_from(["ada", "ben", "cy"]), min_size=1, max_size=4).map(tuple),
    turn=st.sampled_from([H, 8 * H, 12 * H, DAY, 3 * DAY, WEEK, 2 * WEEK]),
    start=st.datetimes(datetime(2025, 12, 1), datetime(2027, 6, 1)).map(lambda at: at.replace(second=0, microsecond=0)),
    zone=st.sampled_from(ZONES),
    hours=st.lists(hours, max_size=2).map(tuple),
    end=st.one_of(
        st.none(),
        st.datetimes(datetime(2026, 6, 1), datetime(2027, 12, 1)).map(lambda at: at.replace(second=0, microsecond=0)),
    ),
)
overrides = st.builds(
    lambda who, since, length: Override(who, since, since + length),
    st.sampled_from(["dee", "eve"]),
    instants,
    st.integers(-3600, 14 * 86400).map(lambda count: timedelta(seconds=count)),
)
schedules = st.tuples(st.lists(layers, max_size=3), st.lists(overrides, max_size=3))
stretches = st.integers(1, 21 * 86400).map(lambda count: timedelta(seconds=count))


@settings(deadline=None, max_examples=80)
@given(schedule=schedules, since=instants, lasting=stretches)
def test_every_instant_has_exactly_one_shift_or_one_gap(schedule, since, lasting):
    pieces = final_schedule(*schedule, since, since + lasting)
    assert (pieces[0].since, pieces[-1].until) == (since, since + lasting)
    assert all(piece.since < piece.until for piece in pieces)
    assert all(before.until == after.since for before, after in pairwise(pieces))
    assert not any(isinstance(before, Gap) and isinstance(after, Gap) for before, after in pairwise(pieces))


@settings(deadline=None, max_examples=80)
@given(schedule=schedules, since=instants, lasting=stretches, share=st.floats(0, 0.999))
def test_a_longer_look_says_the_same_as_a_look_at_one_instant(schedule, since, lasting, share):
    at = since + lasting * share
    pieces = final_schedule(*schedule, since, since + lasting)
    (piece,) = [piece for piece in pieces if piece.since <= at < piece.until]
    assert getattr(piece, "who", None) == on_call(*schedule, at) == by_the_clock_on_the_wall(*schedule, at)


@settings(deadline=None, max_examples=200)
@given(first=st.datetimes(datetime(2011, 1, 1), datetime(2027, 1, 1)), later=stretches, zone=st.sampled_from(ZONES))
def test_a_later_wall_clock_time_is_never_an_earlier_instant(first, later, zone):
    assert instant(first, zone) <= instant(first + later, zone)


def by_the_clock_on_the_wall(layers, overrides, at):
    """Who is on call, from the definition: by looking at every layer's wall clock. Slow and plain."""
    for one in reversed(overrides):
        if one.since <= at < one.until:
            return one.who
    return next((who for layer in reversed(layers) if (who := _turn(layer, at))), None)


def _turn(layer, at):
    local = wall(at, layer.zone)
    if at.astimezone(layer.zone).fold:  # the second pass of a repeated hour: all of that hour has been reached before
        local = max(wall(at - timedelta(minutes=step), layer.zone) for step in range(181))
    if local < layer.start or (layer.end and local >= layer.end):
        return None
    monday = datetime(local.year, local.month, local.day) - DAY * local.weekday()
    into = (local - monday, local - monday + WEEK)
    if layer.hours and not any(one.since <= offset < one.until for one in layer.hours for offset in into):
        return None
    return layer.people[(local - layer.start) // layer.turn % len(layer.people)]

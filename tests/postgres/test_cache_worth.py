"""Whether a cache pays, as a table: mostly it does not."""

from datetime import timedelta

import pytest

from golive.postgres.cache.worth import Load, Read, Worth, headline, hit_rate, judge

HOUR = timedelta(hours=1)
BUSY = Load(HOUR, 3_000_000, 1)
IDLE = Load(HOUR, 100_000, 1)
SAME = [("1",)] * 90 + [("2",)] * 10
OTHERS = [(str(n),) for n in range(100)]


@pytest.mark.parametrize(
    ("read", "load", "worth"),
    [
        (Read("a", 10_000, 1_000_000, SAME), BUSY, Worth.PAYS),
        (Read("a", 10_000, 1_000_000, SAME), IDLE, Worth.NOT_NEEDED),
        (Read("a", 10_000, 1_000_000, SAME, reads_too_much=True), BUSY, Worth.FIX_FIRST),
        (Read("a", 10_000_000, 1_000_000, SAME), BUSY, Worth.NOT_WORTH),  # faster than Redis
        (Read("a", 1_000, 50_000, SAME), BUSY, Worth.NOT_WORTH),  # a small share
        (Read("a", 10_000, 1_000_000, OTHERS), BUSY, Worth.NOT_WORTH),  # never the same again
        (Read("a", 10_000, 1_000_000, SAME, table_writes=9_000), BUSY, Worth.NOT_WORTH),  # spoiled at once
        (Read("a", 10_000, 1_000_000, SAME[:5]), BUSY, Worth.UNKNOWN),
    ],
)
def test_a_cache_pays_only_when_measured(read: Read, load: Load, worth: Worth) -> None:
    found = judge(read, load)
    assert found.worth is worth
    assert found.reason
    assert (found.saving > 0.05) == (worth is Worth.PAYS) or worth is Worth.NOT_WORTH


def test_hits_are_repeats_that_no_write_spoiled() -> None:
    assert hit_rate(Read("a", 100, 1, SAME)) == pytest.approx(0.98)
    assert hit_rate(Read("a", 100, 1, SAME, table_writes=50)) == pytest.approx(0.49)
    assert hit_rate(Read("a", 100, 1, [])) is None


def test_the_answer_comes_first() -> None:
    pays = judge(Read("a", 10_000, 1_000_000, SAME), BUSY)
    assert headline([pays], BUSY).startswith("A cache would save")
    idle = judge(Read("a", 10_000, 1_000_000, SAME), IDLE)
    assert headline([idle], IDLE).startswith("You do not need a cache")
    unknown = judge(Read("a", 10_000, 1_000_000), BUSY)
    assert "cannot be told" in headline([unknown], BUSY)
    assert "nothing can be said" in headline([], BUSY)

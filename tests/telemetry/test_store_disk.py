"""A full disk: inserts fail and say so, reading goes on, and room made is room used."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from golive.telemetry import reserve, store
from golive.telemetry.tasks import keep_within_budget

from .stores import running_store


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(place)], check=False)
    if mounted.returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.story
def test_a_full_disk(small_disk: Path) -> None:
    with running_store(small_disk / "data") as process:
        writer = store.connect(write=True)
        writer.command(
            "CREATE TABLE full (day Date, text String CODEC(NONE)) ENGINE = MergeTree PARTITION BY day ORDER BY tuple()"
        )
        acknowledged = 0
        with pytest.raises(DatabaseError) as caught:
            for n in range(200):
                writer.command(
                    f"INSERT INTO full SELECT toDate('2026-01-01') + {n % 4}, randomString(1000) FROM numbers(1000)"
                )
                acknowledged += 1000
        assert caught.value.code in (243, 74, 75, 1001), caught.value
        assert "pace" in str(caught.value)
        assert store.row("SELECT count() AS n FROM full") == {"n": acknowledged}
        assert store.row("SELECT max(length(text)) AS n FROM full") == {"n": 1000}
        process.stop()
        process.start()
        assert store.row("SELECT count() AS n FROM full") == {"n": acknowledged}


@pytest.mark.story
def test_old_telemetry_goes_even_from_a_full_disk(small_disk: Path) -> None:
    with running_store(small_disk / "data"):
        assert reserve.keep(6_000_000)
        with pytest.raises(store.StoreError, match="disk is full"):
            for n in range(200):
                store.command(
                    "INSERT INTO spans (project, time, status_message) "
                    "SELECT 'p', now64(9) - toIntervalDay({ago:UInt8}), randomString(1000) FROM numbers(1000)",
                    ago=1 + n % 4,
                )
        with suppress(OSError), (small_disk / "others").open("wb", buffering=0) as file:
            while file.write(b"x" * 4096):  # to the last byte
                pass
        before = store.row("SELECT count() AS n FROM spans")["n"]
        decided = keep_within_budget()
        assert decided.drops
        assert 0 < store.row("SELECT count() AS n FROM spans")["n"] < before

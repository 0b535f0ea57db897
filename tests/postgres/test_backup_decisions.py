"""What is due, what stands, what is missing: backups' decisions without a server."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from golive.postgres.backups import manifest, wal
from golive.postgres.backups.complaint import complaint
from golive.postgres.backups.due import Made, drill_due, judge_backups, judge_drills, kind_due
from golive.postgres.backups.dump import FRAME, seal, unseal
from golive.postgres.backups.scratch import needed
from golive.postgres.backups.tools import BackupTrouble

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)


def made(hours: float, ok: bool | None = True, full: bool = True) -> Made:
    return Made(NOW - HOUR * hours, ok, "" if ok else "no room", full)


@pytest.mark.parametrize(
    ("past", "kind"),
    [
        ([], "full"),
        ([made(1)], None),
        ([made(25)], "incr"),
        ([made(25, full=False), made(100)], "incr"),
        ([made(25, full=False), made(169)], "full"),
        ([made(0.5, ok=False), made(25)], None),  # tried a moment ago
        ([made(1.5, ok=False), made(25)], "incr"),
        ([made(2, ok=None), made(30)], None),  # it runs
        ([made(13, ok=None), made(30)], "incr"),  # its process is long gone
    ],
)
def test_which_backup_is_due(past: Sequence[Made], kind: str | None) -> None:
    assert kind_due(past, DAY, WEEK, NOW) == kind


@pytest.mark.parametrize(
    ("past", "has_backup", "due"),
    [
        ([], True, True),
        ([], False, False),
        ([made(24)], True, False),
        ([made(169)], True, True),
        ([made(1, ok=False)], True, False),
        ([made(7, ok=False)], True, True),
        ([made(1, ok=None)], True, False),
    ],
)
def test_when_a_drill_is_due(past: Sequence[Made], has_backup: bool, due: bool) -> None:
    assert drill_due(past, WEEK, has_backup, NOW) is due


@pytest.mark.parametrize(
    ("past", "since", "state", "words"),
    [
        ([made(1)], 100, "ok", "1.0 h old"),
        ([made(31)], 100, "firing", "one is due every 24.0 h"),
        ([made(1, ok=False), made(3)], 100, "firing", "no room; the newest good one is 3.0 h old"),
        ([], 1, "unknown", "no scheduled backup"),
        ([], 31, "firing", "is none"),
        ([made(1, ok=None), made(30)], 100, "ok", "30.0 h old"),
    ],
)
def test_how_backups_stand(past: Sequence[Made], since: float, state: str, words: str) -> None:
    judged = judge_backups(past, DAY, NOW - HOUR * since, NOW)
    assert judged.state == state
    assert words in judged.reason
    assert judged.severity == ("critical" if state == "firing" else "info")


@pytest.mark.parametrize(
    ("past", "state"),
    [
        ([], "unknown"),
        ([made(1)], "ok"),
        ([made(1, ok=False), made(5)], "firing"),
        ([made(15 * 24)], "firing"),
        ([made(1, ok=None), made(5)], "ok"),
    ],
)
def test_how_drills_stand(past: Sequence[Made], state: str) -> None:
    assert judge_drills(past, WEEK, NOW).state == state


def test_a_missing_segment_is_found_over_the_end_of_a_log() -> None:
    names = [f"000000010000000A000000{n:02X}" for n in (0xFD, 0xFE, 0xFF)] + ["000000010000000B00000000"]
    assert wal.gaps(names, names[0]) == []
    assert wal.gaps([names[0], names[2], names[3]], names[0]) == [names[1]]
    assert wal.gaps([names[0], "000000020000000B00000000"], names[0]) == []  # another timeline is another line
    assert wal.gaps([], names[0]) == [names[0]]


def table(rows: float, hash_: str, inserted: float = 0, deleted: float = 0, updated: float = 0) -> dict[str, object]:
    return {"rows": rows, "hash": hash_, "inserted": inserted, "updated": updated, "deleted": deleted}


@pytest.mark.parametrize(
    ("now", "restored", "words"),
    [
        (table(0, "", 10), table(10, "h"), None),
        (table(0, "", 10), table(9, "h"), "holds 9 rows, not 10"),
        (table(0, "", 10), table(10, "other"), "holds other rows"),
        (table(0, "", 15), table(12, "x"), None),
        (table(0, "", 15), table(16, "x"), "10 to 15 can be right"),
        (table(0, "", 10, 3), table(6, "x"), "7 to 10 can be right"),
        (table(0, "", 10, 0, 4), table(10, "x"), None),  # updated since: the count stays
        (table(0, "", 2), table(99, "x"), None),  # statistics were reset: nothing can be said
        (table(0, "", 10), None, "is missing"),
    ],
)
def test_a_restored_table_against_its_manifest(now: dict[str, float], restored: object, words: str | None) -> None:
    before = {"tables": {"t": table(10, "h", 10)}}
    found = manifest.compare(before, {"t": now}, {"tables": {"t": restored} if restored else {}})
    assert [words in one.reason for one in found] == ([True] if words else [])  # type: ignore[operator]


@pytest.mark.parametrize("size", [0, 1, FRAME, FRAME + 1])
def test_a_sealed_dump_opens_whole_or_not_at_all(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    chunks = [content[at : at + FRAME] for at in range(0, size, FRAME)]
    sealed = b"".join(seal(iter(chunks), "word"))
    assert b"".join(unseal(io.BytesIO(sealed), "word")) == content
    for broken in (sealed[:-3], sealed[: len(sealed) // 2], sealed[:-1] + bytes([sealed[-1] ^ 1]), b"x" + sealed):
        with pytest.raises(BackupTrouble):
            list(unseal(io.BytesIO(broken), "word"))
    with pytest.raises(BackupTrouble, match="another passphrase"):
        list(unseal(io.BytesIO(sealed), "other"))


HEADERS = (
    "\n       *** Path/Query ***:\n       HEAD /backups/golive\n       *** Request Headers ***:\n       "
    "authorization: <redacted>\n       *** Response Headers ***:\n       server: S3\n"
)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("ERROR: [039]: HTTP request failed with 403 (Forbidden):" + HEADERS, "the bucket refuses golive's key"),
        ("HTTP request failed with 404 (Not Found):" + HEADERS + "<Code>NoSuchBucket</Code>", "make the bucket, or"),
        (
            "ERROR: [039]: HTTP request failed with 503 (Slow Down):" + HEADERS,
            "of its own (HTTP request failed with 503",
        ),
        ("[HostConnectError] unable to connect to 'x:1': [111] Connection refused", "does not answer (unable to conn"),
        ("ERROR: [095]: unable to verify certificate presented by 'x:1': [18] self-signed", "names its authority"),
        ("ERROR: [031]: unable to load info file\n HINT: is or was the repo encrypted?", "with another passphrase"),
        ("ERROR: [050]: unable to acquire lock on file '/l': Resource temporarily unavailable", "one run at a time"),
        ("ERROR: [050]: unable to acquire lock on file '/l': Permission denied", "on file '/l': Permission denied"),
        ("ERROR: [062]: stop file exists for all stanzas", "`pgbackrest start`"),
        ("ERROR: [082]: WAL segment 01 was not archived before the 60000ms timeout", "`golive db look wal` says why"),
        ("P00 ERROR: [056]: something\n    never heard of", "something never heard of"),
        ("", ""),
    ],
)
def test_what_pgbackrest_complains_of_is_one_sentence(said: str, sentence: str) -> None:
    words = complaint(said, "the bucket")
    assert sentence in words
    assert "***" not in words
    assert "\n" not in words


def test_what_recovery_demands_is_read_from_controldata() -> None:
    text = "wal_level setting:    replica\nmax_connections setting:  200\nmax_prepared_xacts setting: 3\n"
    assert needed(text) == {"max_connections": "200", "max_prepared_transactions": "3"}

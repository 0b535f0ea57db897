"""The spool keeps what it acknowledged, and nothing else, whatever the crash."""

import os
import threading
from concurrent.futures import wait
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golive.telemetry.spool import Budget, Frame, Spool, SpoolError, frames_in, identities

PAYLOADS = [b"one", b"", b"gl\xf7\x01 looks like a frame", bytes(5000), b"last"]


def frame(payload: bytes) -> Frame:
    return Frame(payload, payload[:16].ljust(16, b"."), 1_000 + len(payload))


CONTENT = b"".join(frame(payload).encode() for payload in PAYLOADS)
ENDS = [sum(len(frame(payload).encode()) for payload in PAYLOADS[: place + 1]) for place in range(len(PAYLOADS))]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(CONTENT)), st.binary(max_size=40))
def test_a_cut_at_any_byte_leaves_exactly_the_whole_frames(cut: int, garbage: bytes) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name) / "logs"
        folder.mkdir()
        (folder / "logs-1.segment").write_bytes(CONTENT[:cut] + garbage)
        budget = Budget(1 << 20)
        spool = Spool(folder, budget)
        kept = [frame.payload for segment in spool.sealed for frame in segment.frames()]
        whole = sum(end <= cut for end in ENDS)
        assert kept[:whole] == PAYLOADS[:whole]
        assert len(kept) <= whole + (garbage != b"" and cut < len(CONTENT) and (CONTENT[:cut] + garbage) == CONTENT)
        assert budget.used_bytes == sum(segment.path.stat().st_size for segment in spool.sealed)
        spool.close()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_a_spoiled_byte_costs_its_own_frame_alone(place: int, change: int) -> None:
    spoiled = bytearray(CONTENT)
    spoiled[place] ^= change
    kept = [frame.payload for frame, _ in frames_in(bytes(spoiled))]
    hit = next(number for number, end in enumerate(ENDS) if place < end)
    assert kept == PAYLOADS[:hit] + PAYLOADS[hit + 1 :]


def test_what_is_done_is_on_disk_and_survives(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "logs", Budget())
    waiting = [spool.append(bytes([number]) * 10, bytes([number]) * 16, 5) for number in range(50)]
    wait(waiting, timeout=10)
    on_disk = [
        frame.payload for path in sorted(spool.folder.glob("*.segment")) for frame, _ in frames_in(path.read_bytes())
    ]
    assert on_disk == [bytes([number]) * 10 for number in range(50)]
    spool.close()
    again = Spool(tmp_path / "logs", Budget())
    assert [identity for identity, _ in identities(again.sealed)] == [bytes([number]) * 16 for number in range(50)]
    again.close()


def test_segments_are_sealed_by_size_and_by_age(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "logs", Budget(), segment_bytes=100)
    for number in range(4):
        spool.append(bytes(60), bytes([number]) * 16, 5).result(10)
    assert len(spool.sealed) == 2
    spool.append(b"young", bytes(16), 5).result(10)
    spool.seal_when_due(60)
    assert len(spool.sealed) == 2
    spool.seal_when_due(0)
    assert len(spool.sealed) == 3
    assert len({segment.token for segment in spool.sealed}) == 3
    spool.close()


def test_the_budget_is_shared_and_given_back(tmp_path: Path) -> None:
    budget = Budget(200)
    one, two = Spool(tmp_path / "one", budget), Spool(tmp_path / "two", budget)
    one.append(bytes(100), bytes(16), 5).result(10)
    with pytest.raises(SpoolError, match="200 bytes"):
        two.append(bytes(100), bytes(16), 5)
    one.seal_when_due(0)
    one.forget(one.sealed[0])
    two.append(bytes(100), bytes(16), 5).result(10)
    one.close()
    two.close()


def test_a_disk_that_refuses_is_told_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path / "logs", Budget())
    spool.append(b"good", bytes(16), 5).result(10)
    refusing = threading.Event()
    really = os.fdatasync

    def fdatasync(descriptor: int) -> None:
        if refusing.is_set():
            raise OSError(28, "No space left on device")
        really(descriptor)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    refusing.set()
    with pytest.raises(SpoolError, match="No space left"):
        spool.append(b"refused", b"r" * 16, 5).result(10)
    refusing.clear()
    spool.append(b"after", b"a" * 16, 5).result(10)
    spool.close()
    kept = [frame.payload for segment in Spool(tmp_path / "logs", Budget()).sealed for frame in segment.frames()]
    assert kept == [b"good", b"after"]

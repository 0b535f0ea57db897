"""The loader inserts every segment until the store has it, and sets a poisoned request aside."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from golive.telemetry.loader import Loader, Refused, Stream, Unavailable
from golive.telemetry.spool import Budget, Frame, Spool, frames_in

STREAM = Stream("logs", "JSONEachRow", {})


class Store:
    """Counts a token once, as the engine does; refuses bodies that contain `poison`; is away when told."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.away = 0
        self.calls = 0

    def __call__(self, stream: Stream, token: str, body: bytes) -> None:
        self.calls += 1
        if self.away:
            self.away -= 1
            raise Unavailable("away")
        if b"poison" in body:
            raise Refused("code 26: cannot parse")
        self.kept.setdefault(token, body)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "logs", Budget())


def filled(spool: Spool, *payloads: bytes) -> Spool:
    for payload in payloads:
        spool.append(payload, payload[:16].ljust(16), 5).result(10)
    spool.seal_when_due(0)
    return spool


def loader(spool: Spool, store: Store, loaded: Callable[..., None] = lambda frames: None) -> Loader:
    return Loader(spool, STREAM, spool.folder.parent / "quarantine", inserter=store, loaded=loaded)


def test_a_segment_is_one_insert_and_then_gone(spool: Spool) -> None:
    store, told = Store(), list[Frame]()
    filled(spool, b"a", b"b", b"c")
    assert loader(spool, store, told.extend).load(spool.sealed[0])
    assert list(store.kept.values()) == [b"abc"]
    assert [frame.payload for frame in told] == [b"a", b"b", b"c"]
    assert not list(spool.folder.glob("*.segment"))
    assert spool.budget.used_bytes == 0


def test_while_the_store_is_away_nothing_is_lost(spool: Spool) -> None:
    store = Store()
    store.away = 2
    filled(spool, b"a")
    patient = loader(spool, store)
    assert [patient.load(spool.sealed[0]) for _ in range(2)] == [False, False]
    assert patient.load(spool.sealed[0])
    assert list(store.kept.values()) == [b"a"]


def test_one_poisoned_request_is_set_aside_and_the_rest_is_kept(spool: Spool) -> None:
    store = Store()
    payloads = [bytes([65 + number]) for number in range(9)]
    payloads[5] = b"poison"
    filled(spool, *payloads)
    assert loader(spool, store).load(spool.sealed[0])
    assert sorted(b"".join(store.kept.values())) == sorted(b"ABCDEGHI")
    [kept] = (spool.folder.parent / "quarantine").glob("*.frame")
    assert [frame.payload for frame, _ in frames_in(kept.read_bytes())] == [b"poison"]
    assert orjson.loads(kept.with_suffix(".json").read_bytes())["reason"] == "code 26: cannot parse"


def test_what_does_not_fit_the_memory_is_halved_and_trouble_never_condemns(spool: Spool) -> None:
    class Small(Store):
        code = 241

        def __call__(self, stream: Stream, token: str, body: bytes) -> None:
            if len(body) > 2:
                raise Unavailable(f"code {self.code}: no", self.code)
            super().__call__(stream, token, body)

    store = Small()
    filled(spool, b"a", b"b", b"c", b"d")
    patient = loader(spool, store)
    patient._stop.set()  # no pauses
    patient._failures = 5
    assert patient.load(spool.sealed[0])
    assert sorted(store.kept.values()) == [b"ab", b"cd"]
    store.code = 243
    filled(spool, b"abc")
    patient._failures = 1000
    assert not patient.load(spool.sealed[0])
    assert not (spool.folder.parent / "quarantine").exists()


def test_a_crash_after_the_insert_counts_once(spool: Spool) -> None:
    """The store took the segment, the process died before it could remove it."""
    store = Store()
    filled(spool, b"a", b"poison", b"b")

    def die(frames: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loader(spool, store, die).load(spool.sealed[0])
    spool.close()
    again = Spool(spool.folder, Budget())
    assert loader(again, store).load(again.sealed[0])
    assert sorted(b"".join(store.kept.values())) == sorted(b"ab")
    assert len(list((spool.folder.parent / "quarantine").glob("*.frame"))) == 1
    again.close()


def test_the_thread_empties_the_spool(spool: Spool) -> None:
    store = Store()
    running = Loader(spool, STREAM, spool.folder.parent / "quarantine", inserter=store, age_seconds=0.05).start()
    for number in range(20):
        spool.append(bytes([65 + number]), bytes([number]) * 16, 5).result(10)
    for _ in range(200):
        if sum(map(len, store.kept.values())) == 20:
            break
        running._stop.wait(0.05)
    running.stop()
    assert sorted(b"".join(store.kept.values())) == [65 + number for number in range(20)]

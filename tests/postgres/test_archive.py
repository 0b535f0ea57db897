"""History moved to cold storage: verified, nothing lost or doubled, askable, restorable."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from golive.postgres.archive.cold import Cold, ColdTrouble, open_cold
from golive.postgres.archive.filing import Filing
from golive.postgres.archive.layout import Manifest, field_of, hashes, read_manifest, schema, table
from golive.postgres.archive.move import Mover
from golive.postgres.archive.plan import ArchivePlan
from golive.postgres.archive.recall import ask, restore
from golive.postgres.session import Connection, session
from tests.postgres.buckets import bucket_server
from tests.postgres.conftest import Place

NOW = datetime.now(UTC)
HASH = "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {} t"


def quiet(_: str) -> None:
    """Nobody listens."""


def plan(folder: Path | str, **more: Any) -> ArchivePlan:
    settings = {"table": "orders", "by": "placed", "to": str(folder), "older": "100d", "batch": 70, "rest": 0}
    return ArchivePlan.model_validate({**settings, **more})


def fill(place: Place) -> None:
    place.run(
        "CREATE TABLE orders (id bigint PRIMARY KEY, placed timestamptz NOT NULL, total numeric(12,2), rate numeric,"
        " body jsonb, tags text[], ref uuid, name varchar(40), raw bytea, span interval, ok boolean, share real)"
    )
    place.run(
        "INSERT INTO orders SELECT n, now() - n * interval '1 day', n / 7.0, n / 3.0, jsonb_build_object('n', n),"
        " ARRAY['a', NULL, 'b\"' || n], md5(n::text)::uuid, CASE WHEN n % 9 <> 0 THEN 'näme' || n END,"
        " decode(md5(n::text), 'hex'), n * interval '1 hour', n % 2 = 0, n / 3.0 FROM generate_series(1, 500) n"
    )


@pytest.fixture
def connection(place: Place) -> Iterator[Connection]:
    fill(place)
    with session(place.url, read_only=False, statement_timeout=timedelta()) as found:
        yield found


def mover(connection: Connection, chosen: ArchivePlan) -> Mover:
    return Mover(connection, "old", chosen, open_cold(chosen, "old"), quiet)


def test_types_without_a_counterpart_are_kept_as_text() -> None:
    kinds = ("bigint", "numeric(10,2)", "numeric", "jsonb", "text[]", "uuid", "character varying(9)", "numeric(50,2)")
    native = [field_of("x", kind).native for kind in kinds]
    assert native == [True, True, False, False, False, False, True, False]
    fields = [field_of("a", "integer"), field_of("b", "jsonb")]
    assert schema(fields).field("b").metadata == {b"postgres": b"jsonb"}
    one, other = table(fields, [(1, "{}"), (None, None)]), table(fields, [(1, "{}"), (2, None)])
    assert hashes(one)["b"] == hashes(other)["b"]
    assert hashes(one)["a"] != hashes(other)["a"]


def test_a_manifest_of_a_newer_golive_is_refused() -> None:
    text = Manifest(1, "f", 1, "a", "b", {}, "1", [], version=9).text()
    with pytest.raises(ValueError, match="newer"):
        read_manifest(text)


def test_rows_move_are_asked_and_come_back(place: Place, connection: Connection, tmp_path: Path) -> None:
    place.run("CREATE TABLE before AS SELECT * FROM orders")
    chosen = plan(tmp_path)
    work = mover(connection, chosen)
    waiting = work.waiting(NOW)
    moved = work.run(NOW)
    assert moved.rows == waiting == 400 or moved.rows == waiting  # a day may turn meanwhile
    assert moved.files == -(-moved.rows // 70)
    assert place.run("SELECT count(*) FROM orders") == [(500 - moved.rows,)]
    assert mover(connection, chosen).run(NOW).rows == 0
    cold = open_cold(chosen, "old")
    answer = ask(connection, chosen, cold, "SELECT count(), sum(total), min(id), max(id) FROM everything", "CSV")
    total = place.run("SELECT sum(total) FROM before")[0][0]
    assert answer.split(",")[0] == "500"
    assert float(answer.split(",")[1]) == pytest.approx(float(total))
    assert ask(connection, chosen, cold, "SELECT count() FROM cold", "CSV").strip() == str(moved.rows)
    with pytest.raises(ColdTrouble, match="refused"):
        ask(connection, chosen, cold, "SELECT nonsense FROM cold")
    rows, _ = restore(connection, chosen, cold, NOW - timedelta(days=9999), NOW, "back")
    assert rows == moved.rows
    everything = "(SELECT * FROM orders UNION ALL SELECT * FROM back)"
    assert place.run(HASH.format(everything)) == place.run(HASH.format("before"))
    some, files = restore(connection, chosen, cold, NOW - timedelta(days=300), NOW - timedelta(days=290), "part")
    assert some == 10
    assert files < moved.files


class Killed(Exception):
    """Stands for kill -9."""


@pytest.mark.parametrize("moment", ["write", "read", "log", "put"])
def test_killed_anywhere_nothing_is_lost_or_doubled(
    place: Place, tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the third batch at each moment, and run again: every row is hot or cold, never both, never neither."""
    fill(place)
    place.run("CREATE TABLE before AS SELECT * FROM orders")
    chosen = plan(tmp_path)
    calls = 0

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    owner: type = Filing if moment == "log" else Cold
    original = getattr(owner, moment)

    def third(self: Any, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return die() if calls == 3 else original(self, *arguments)

    monkeypatch.setattr(owner, moment, third)
    with (
        session(place.url, read_only=False, statement_timeout=timedelta()) as connection,
        pytest.raises(Killed),
    ):
        mover(connection, chosen).run(NOW)
    monkeypatch.undo()
    with session(place.url, read_only=False, statement_timeout=timedelta()) as connection:
        mover(connection, chosen).run(NOW)
        restore(connection, chosen, open_cold(chosen, "old"), NOW - timedelta(days=9999), NOW, "back")
    everything = "(SELECT * FROM orders UNION ALL SELECT * FROM back)"
    assert place.run(HASH.format(everything)) == place.run(HASH.format("before"))


def test_a_file_that_does_not_read_back_deletes_nothing(
    place: Place, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Cold.read
    monkeypatch.setattr(Cold, "read", lambda self, name: real(self, name).slice(1))
    with pytest.raises(ColdTrouble, match="does not read back"):
        mover(connection, plan(tmp_path)).run(NOW)
    assert place.run("SELECT count(*) FROM orders") == [(500,)]


def test_a_damaged_file_is_not_restored(place: Place, connection: Connection, tmp_path: Path) -> None:
    chosen = plan(tmp_path)
    mover(connection, chosen).run(NOW)
    cold = open_cold(chosen, "old")
    manifest = next(cold.manifests())
    cold.write(manifest.file, cold.read(manifest.file).slice(1))
    with pytest.raises(ColdTrouble, match="damaged"):
        restore(connection, chosen, cold, NOW - timedelta(days=9999), NOW, "back")
    assert place.run("SELECT to_regclass('back')") == [(None,)]


def test_rows_that_others_refer_to_stay(place: Place, connection: Connection, tmp_path: Path) -> None:
    """Even where the foreign key would cascade: children are not deleted behind anybody's back."""
    place.run("CREATE TABLE notes (order_id bigint REFERENCES orders ON DELETE CASCADE)")
    place.run("INSERT INTO notes VALUES (400), (450), (3)")
    moved = mover(connection, plan(tmp_path)).run(NOW)
    assert moved.kept == 2
    assert place.run("SELECT count(*) FROM notes") == [(3,)]
    assert place.run("SELECT count(*) FROM orders WHERE id IN (400, 450)") == [(2,)]


def test_a_condition_keeps_what_it_names(place: Place, connection: Connection, tmp_path: Path) -> None:
    mover(connection, plan(tmp_path, where="ok")).run(NOW)
    assert place.run("SELECT count(*) FROM orders WHERE id > 110 AND ok") == [(0,)]
    assert place.run("SELECT count(*) > 190 FROM orders WHERE id > 110") == [(True,)]


def test_whole_partitions_go_whole(place: Place, tmp_path: Path) -> None:
    place.run("CREATE TABLE logs (id bigint, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)")
    place.run("CREATE TABLE logs_old PARTITION OF logs FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')")
    place.run("CREATE TABLE logs_new PARTITION OF logs FOR VALUES FROM ('2020-02-01') TO ('2100-01-01')")
    place.run(
        "INSERT INTO logs SELECT n, '2020-01-05'::timestamptz + n * interval '1 minute' FROM generate_series(1, 300) n"
    )
    place.run("INSERT INTO logs VALUES (1, now())")
    chosen = plan(tmp_path, table="logs", by="at", batch=100)
    with session(place.url, read_only=False, statement_timeout=timedelta()) as connection:
        moved = Mover(connection, "old", chosen, open_cold(chosen, "old"), quiet).run(NOW)
        assert (moved.rows, moved.files, moved.partitions) == (300, 3, ["logs_old"])
        assert place.run("SELECT to_regclass('logs_old')") == [(None,)]
        assert restore(connection, chosen, open_cold(chosen, "old"), datetime(2020, 1, 1, tzinfo=UTC), NOW, "back") == (
            300,
            3,
        )


@pytest.fixture
def bucket() -> Iterator[str]:
    """An S3-compatible server with a bucket."""
    with bucket_server("cold") as at:
        yield f"http://{at}"


def test_a_bucket_serves_as_well(place: Place, connection: Connection, bucket: str, tmp_path: Path) -> None:
    for name, value in (("key", "key"), ("secret", "secret")):
        (tmp_path / name).write_text(value)
    chosen = plan(
        "s3://cold/acme", endpoint=bucket, access_key=f"file:{tmp_path}/key", secret_key=f"file:{tmp_path}/secret"
    )
    moved = mover(connection, chosen).run(NOW)
    assert moved.rows > 390
    cold = open_cold(chosen, "old")
    assert ask(connection, chosen, cold, "SELECT count() FROM everything", "CSV").strip() == "500"
    assert restore(connection, chosen, cold, NOW - timedelta(days=9999), NOW, "back")[0] == moved.rows


def test_what_cannot_be_archived_is_said(place: Place, connection: Connection, tmp_path: Path) -> None:
    place.run("CREATE TABLE loose (at timestamptz)")
    with pytest.raises(ColdTrouble, match="no primary key"):
        Mover(connection, "old", plan(tmp_path, table="loose", by="at"), open_cold(plan(tmp_path), "old"), quiet)


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    cold = open_cold(plan(tmp_path), "old")
    place = tmp_path / "old" / "data" / "x.parquet"
    place.parent.mkdir(parents=True)
    place.symlink_to("/dev/full")
    with pytest.raises(ColdTrouble, match="No space left"):
        cold.write("data/x.parquet", table([field_of("a", "integer")], [(1,)]))
    assert not place.is_symlink()

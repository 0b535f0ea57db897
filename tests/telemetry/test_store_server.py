"""The store process under its real client: answers, streams, refuses, cancels, dies and comes back."""

import contextlib
import gzip
import http.client
import signal
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import clickhouse_connect
import lz4.frame
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from golive.telemetry import store
from golive.telemetry.migrate import migrate

from .stores import StoreProcess, running_store


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    with running_store(tmp_path_factory.mktemp("server")) as process:
        yield process


@pytest.fixture
def writer(running: StoreProcess) -> Client:
    return store.connect(write=True)


@pytest.fixture
def table(writer: Client, request: pytest.FixtureRequest) -> str:
    name = "t_" + "".join(c if c.isalnum() else "_" for c in request.node.name)
    writer.command(
        f"CREATE TABLE {name} (a UInt64, b String) ENGINE = MergeTree ORDER BY a "
        "SETTINGS non_replicated_deduplication_window = 1000"
    )
    return name


def plain(**options: Any) -> Client:
    """An unmodified client, as another tool would make it."""
    place = store.endpoint()
    parts = urllib.parse.urlsplit(place.url)
    account = {"username": place.writer[0], "password": place.writer[1]}
    return clickhouse_connect.get_client(host=parts.hostname, port=parts.port, **(account | options))


def http_call(
    body: bytes, headers: dict[str, str] | None = None, **parameters: str
) -> tuple[int, bytes, dict[str, str]]:
    place = store.endpoint()
    link = http.client.HTTPConnection(place.url.removeprefix("http://"), timeout=30)
    heads = {"X-ClickHouse-User": place.writer[0], "X-ClickHouse-Key": place.writer[1], **(headers or {})}
    link.request("POST", "/?" + urllib.parse.urlencode(parameters), body, heads)
    answer = link.getresponse()
    content, found = answer.read(), dict(answer.headers)
    link.close()
    return answer.status, content, found


def test_values_go_and_come_back_whole(running: StoreProcess) -> None:
    given = {
        "text": "it's \\ a\n\ttest ✓ \\N",
        "texts": ["a'b", "\\", "", "ü"],
        "at": datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        "number": 2**64 - 1,
    }
    types = {"text": "String", "texts": "Array(String)", "at": "DateTime64(3)", "number": "UInt64"}
    found = store.row("SELECT " + ", ".join(f"{{{n}:{t}}} AS {n}" for n, t in types.items()), **given)
    assert found["text"] == given["text"]
    assert found["texts"] == given["texts"]
    assert found["at"] == given["at"]
    assert found["number"] == given["number"]
    assert store.row("SELECT {x:Nullable(String)} AS x", x=None) == {"x": None}


def test_an_unmodified_client_works(running: StoreProcess) -> None:
    client = plain()
    client.command(
        "CREATE TABLE default.plain (a UInt64, b LowCardinality(String), c Map(String, String)) ENGINE = Memory"
    )
    client.insert("plain", [[1, "x", {"k": "v"}], [2, "y", {}]], column_names=["a", "b", "c"])
    assert client.query("SELECT * FROM plain ORDER BY a").result_rows == [(1, "x", {"k": "v"}), (2, "y", {})]
    assert client.raw_query("SELECT a FROM plain ORDER BY a", fmt="JSONEachRow") == b'{"a":1}\n{"a":2}\n'
    assert client.command("SELECT count() FROM plain") == 2
    with client.query_row_block_stream("SELECT number FROM numbers(200000)") as stream:
        assert sum(len(block) for block in stream) == 200_000
    summary = client.raw_insert("plain", insert_block=b"3,z,{}\n", fmt="CSV")
    assert summary.written_rows == 1
    with pytest.raises(DatabaseError) as caught:
        client.query("SELECT nothing FROM plain")
    assert caught.value.code == 47


def test_long_statements_go_as_forms(running: StoreProcess) -> None:
    client = plain(form_encode_query_params=True)
    text = "x" * 300_000
    assert client.query("SELECT length({t:String}) AS n", parameters={"t": text}).result_rows == [(300_000,)]


def test_external_tables_are_refused_clearly(running: StoreProcess) -> None:
    data = clickhouse_connect.driver.external.ExternalData(
        file_name="x.csv", data=b"1\n", fmt="CSV", structure="a Int8"
    )
    with pytest.raises(DatabaseError, match="External tables are not supported"):
        plain().query("SELECT * FROM x", external_data=data)


@pytest.mark.parametrize("compression", ["gzip", "zstd", "lz4", None])
def test_bodies_in_every_compression(writer: Client, table: str, compression: str | None) -> None:
    client = plain(compress=compression or False)
    client.insert(table, [[n, "x" * 100] for n in range(50_000)], column_names=["a", "b"], database="golive")
    assert client.query(f"SELECT count(), sum(a) FROM golive.{table}").result_rows == [(50_000, 1_249_975_000)]
    assert len(client.query(f"SELECT * FROM golive.{table}").result_rows) == 50_000


def test_several_compressed_frames_are_one_body(writer: Client, table: str) -> None:
    body = gzip.compress(b"1,x\n") + gzip.compress(b"2,y\n")
    status, text, _ = http_call(
        body, {"Content-Encoding": "gzip"}, query=f"INSERT INTO {table} FORMAT CSV", database="golive"
    )
    assert (status, text) == (200, b"")
    assert store.row(f"SELECT count() AS n FROM {table}") == {"n": 2}


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"not gzip", "gzip"),
        (gzip.compress(b"1,x\n" * 100, mtime=0)[:-20], "gzip"),
        (b"\x00\x01", "zstd"),
        (b"zzzz", "lz4"),
        (lz4.frame.compress(b"1,x\n" * 1000)[:-9], "lz4"),
        (b"1,x\n", "snappy"),
        (b"\xff\xff\xff", "br"),
    ],
)
def test_a_broken_body_inserts_nothing(writer: Client, table: str, body: bytes, encoding: str) -> None:
    status, text, headers = http_call(
        body, {"Content-Encoding": encoding}, query=f"INSERT INTO {table} FORMAT CSV", database="golive"
    )
    assert status == 400, text
    assert headers["x-clickhouse-exception-code"] == "117"
    assert store.row(f"SELECT count() AS n FROM {table}") == {"n": 0}


def test_bad_data_names_the_row(writer: Client, table: str) -> None:
    status, text, headers = http_call(b"1,x\noops,y\n", query=f"INSERT INTO {table} FORMAT CSV", database="golive")
    assert status in (400, 500)
    assert headers["x-clickhouse-exception-code"] == "27"
    assert b"row 2" in text
    assert store.row(f"SELECT count() AS n FROM {table}") == {"n": 0}


def test_every_shape_of_insert(writer: Client, table: str) -> None:
    for body, parameters in [
        (f"INSERT INTO {table} VALUES (1, 'a'), (2, 'it''s (x)')", {}),
        (f"INSERT INTO {table} (a, b) FORMAT CSV\n3,c\n", {}),
        (f'INSERT INTO {table} FORMAT JSONEachRow {{"a": 4, "b": "d"}}', {}),
        (f"/* why */ INSERT INTO {table} SETTINGS max_threads = 1 FORMAT TSV\n5\te\n", {}),
        (f"INSERT INTO {table} SELECT 6, 'f'", {}),
        ("7,g\n", {"query": f"INSERT INTO {table} FORMAT CSV"}),
        ("(8, 'h')", {"query": f"INSERT INTO {table} VALUES"}),
        ("", {"query": f"INSERT INTO {table} SELECT 9, 'i'"}),
    ]:
        status, text, _ = http_call(body.encode(), database="golive", **parameters)
        assert status == 200, (body, text)
    assert store.row(f"SELECT groupArray(a) AS found FROM (SELECT a FROM {table} ORDER BY a)")["found"] == [
        *range(1, 10)
    ]


def test_large_inserts_stream(writer: Client, table: str) -> None:
    line = b"1," + b"x" * 998 + b"\n"

    def lines() -> Iterator[bytes]:
        for _ in range(200):
            yield line * 500

    writer.raw_insert(table, insert_block=lines(), fmt="CSV")
    assert store.row(f"SELECT count() AS n FROM {table}") == {"n": 100_000}


def test_an_insert_cut_off_leaves_nothing(writer: Client, table: str) -> None:
    place = store.endpoint()
    host, port = place.url.removeprefix("http://").split(":")
    for _ in range(3):
        link = socket.create_connection((host, int(port)))
        query = urllib.parse.quote(f"INSERT INTO {table} FORMAT CSV")
        link.sendall(
            f"POST /?database=golive&query={query} HTTP/1.1\r\nHost: x\r\nX-ClickHouse-User: {place.writer[0]}\r\n"
            f"X-ClickHouse-Key: {place.writer[1]}\r\nContent-Length: 100000\r\n\r\n1,x\n2,y\n".encode()
        )
        time.sleep(0.1)
        link.close()
    time.sleep(0.3)
    assert store.row(f"SELECT count() AS n FROM {table}") == {"n": 0}


def test_a_token_counts_once(writer: Client, table: str) -> None:
    for token, block in [("a", b"1,x\n"), ("a", b"1,x\n"), ("b", b"1,x\n"), ("a", b"9,z\n")]:
        settings = {"insert_deduplicate": 1, "insert_deduplication_token": token}
        writer.raw_insert(table, insert_block=block, fmt="CSV", settings=settings)
    assert store.row(f"SELECT count() AS n, max(a) AS m FROM {table}") == {"n": 2, "m": 1}


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("SELECT * FROM nosuch", 60, "refused"),
        ("SELECT sleepEachRow(1) FROM numbers(100) SETTINGS max_block_size = 1", 164, "refused"),
        ("SELECT groupArray(toString(number)) FROM numbers(1000000000)", 241, "more memory"),
        ("SELECT number FROM numbers(3000000)", 396, "too large"),
        ("SELEC 1", 62, "refused"),
    ],
)
def test_errors_say_what_to_do(running: StoreProcess, sql: str, code: int, words: str) -> None:
    with pytest.raises(store.StoreError, match=words) as caught:
        store.rows(sql)
    assert isinstance(caught.value.__cause__, ClickHouseError)
    assert caught.value.__cause__.code == code


def test_a_query_ends_in_time(running: StoreProcess) -> None:
    with pytest.raises(store.StoreError, match="too long"):
        store.rows(
            "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1", time_limit=timedelta(seconds=1)
        )


def slow_query(mark: str) -> str:
    return f"SELECT count(), '{mark}' FROM numbers(1000000000000) WHERE sipHash64(number) = 1"


def running_queries(mark: str) -> int:
    sql = """
        SELECT count() AS n FROM system.processes
        WHERE position(query, {m:String}) > 0 AND position(query, 'processes') = 0"""
    return int(store.row(sql, m=mark)["n"])


def until(condition: Any, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_a_client_that_leaves_ends_its_query(running: StoreProcess) -> None:
    place = store.endpoint()
    link = http.client.HTTPConnection(place.url.removeprefix("http://"))
    heads = {"X-ClickHouse-User": place.reader[0], "X-ClickHouse-Key": place.reader[1]}
    link.request("POST", "/", slow_query("leaver").encode(), heads)
    assert until(lambda: running_queries("leaver") == 1)
    link.close()
    assert until(lambda: running_queries("leaver") == 0)


def test_kill_query_by_its_id(writer: Client) -> None:
    caught: list[ClickHouseError] = []

    def ask() -> None:
        try:
            plain().query(slow_query("victim"), settings={"query_id": "the-victim"})
        except ClickHouseError as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert until(lambda: running_queries("victim") == 1)
    writer.command("KILL QUERY WHERE query_id = 'the-victim'")
    thread.join(20)
    assert [error.code for error in caught] == [394]


def test_too_many_queries_are_told_to_come_later(running: StoreProcess) -> None:
    place = store.endpoint()
    heads = {"X-ClickHouse-User": place.reader[0], "X-ClickHouse-Key": place.reader[1]}
    links = []
    for _ in range(90):
        link = http.client.HTTPConnection(place.url.removeprefix("http://"), timeout=60)
        link.request("POST", "/?max_threads=1&max_execution_time=20", slow_query("crowd").encode(), heads)
        links.append(link)
    first = next(link for link in reversed(links))
    answer = first.getresponse()
    assert (answer.status, answer.headers["x-clickhouse-exception-code"]) == (503, "202")
    assert answer.headers["retry-after"] == "1"
    pager = plain(headers={"X-Golive-Lane": "urgent"}, username="reader", password=place.reader[1])
    assert pager.query("SELECT 1").result_rows == [(1,)]
    for link in links:
        link.close()
    assert until(lambda: store.rows("SELECT 1 AS x") == [{"x": 1}])
    assert until(lambda: running_queries("crowd") == 0)


def test_many_read_while_others_write(writer: Client, table: str) -> None:
    def write(worker: int) -> None:
        for n in range(10):
            store.connect(write=True).raw_insert(table, insert_block=b"%d,x\n" % (worker * 100 + n) * 50, fmt="CSV")

    def read(_: int) -> int:
        return max(int(store.row(f"SELECT count() AS n FROM {table}")["n"]) for _ in range(20))

    with ThreadPoolExecutor(12) as pool:
        writes = [pool.submit(write, worker) for worker in range(4)]
        reads = [pool.submit(read, worker) for worker in range(8)]
        for done in [*writes, *reads]:
            done.result()
    assert store.row(f"SELECT count() AS n, uniq(a) AS u FROM {table}") == {"n": 2000, "u": 40}


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\xff\xfe garbage\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /?query=%ff%fe HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"A" * 100_000,
    ],
)
def test_garbage_does_not_hurt(running: StoreProcess, raw: bytes) -> None:
    host, port = store.endpoint().url.removeprefix("http://").split(":")
    # A server that refuses before it has read everything may reset the connection: that is an answer too.
    with socket.create_connection((host, int(port)), timeout=5) as link, contextlib.suppress(ConnectionError):
        link.sendall(raw)
        link.shutdown(socket.SHUT_WR)
        while link.recv(4096):
            pass
    assert store.rows("SELECT 1 AS x") == [{"x": 1}]


@pytest.mark.parametrize(
    ("body", "parameters", "status"),
    [
        (b"", {}, 400),
        (b"  ", {}, 400),
        (b"SELECT '\xff\xfe'", {}, 400),
        (b"SELECT 1\0", {}, 400),
        (b"SELECT 1", {"database": "no`such"}, 404),
        (b"SELECT 1", {"default_format": "No Such"}, 400),
        (b"SELECT 1", {"default_format": "NoSuch"}, 400),
        (b"SELECT 1", {"compress": "1"}, 501),
        (b"SELECT 1", {"no_such_setting": "1"}, 400),
        (b"SELECT {x:UInt8}", {"param_x": "abc"}, 400),
        (b"SELECT {x:UInt8}", {}, 400),
        (b"SELECT 1", {"query_id": "a\r\nX-Evil: 1"}, 200),
    ],
)
def test_malformed_requests(running: StoreProcess, body: bytes, parameters: dict[str, str], status: int) -> None:
    found, text, headers = http_call(body, **parameters)
    assert (found, text) == (status, text)
    assert "X-Evil" not in headers


def test_ping_needs_no_password(running: StoreProcess) -> None:
    link = http.client.HTTPConnection(store.endpoint().url.removeprefix("http://"))
    for path, status in [("/ping", 200), ("/replicas_status", 200), ("/play", 404)]:
        link.request("GET", path)
        answer = link.getresponse()
        answer.read()
        assert answer.status == status


def test_the_process_stays_light(running: StoreProcess) -> None:
    maps = Path(f"/proc/{running.pid}/maps").read_text()
    assert not [name for name in ("numpy", "pandas", "pyarrow", "clickhouse_connect", "django") if f"/{name}/" in maps]
    found = store.rows("SELECT name FROM system.tables WHERE database = 'system' AND engine LIKE '%MergeTree'")
    assert found == []


def test_the_schema_is_applied_once(running: StoreProcess) -> None:
    assert migrate() == []
    names = {found["name"] for found in store.rows("SHOW TABLES")}
    assert {"logs", "spans", "metrics", "errors", "check_results", "events", "schema_versions"} <= names


def test_facets_count_a_segment_once(writer: Client) -> None:
    row = (
        b'{"project": "facets", "time": "2026-11-23 10:20:30", "service": "web", "severity_text": "INFO", '
        b'"environment": "production", "release": ""}\n'
    )
    settings = {
        "insert_deduplicate": 1,
        "insert_deduplication_token": "facets-1",
        "deduplicate_blocks_in_dependent_materialized_views": 1,
    }
    for _ in range(2):
        writer.raw_insert("logs_arriving", insert_block=row * 3, fmt="JSONEachRow", settings=settings)
    found = store.rows(
        "SELECT key, value, sum(count) AS n FROM log_facets WHERE project = 'facets' GROUP BY key, value ORDER BY key"
    )
    assert [(one["key"], one["value"], one["n"]) for one in found] == [
        ("environment", "production", 3),
        ("service", "web", 3),
        ("severity", "INFO", 3),
    ]


def test_word_search_uses_its_index(writer: Client) -> None:
    writer.command(
        "INSERT INTO logs (project, time, body) SELECT 'words', now64(9), "
        "concat('filler ', toString(number), if(number = 77777, ' Needle', '')) FROM numbers(100000)"
    )
    sql = "SELECT count() FROM logs WHERE project = 'words' AND hasAllTokens(lower(body), ['needle'])"
    found = store.connect().query(sql)
    assert found.result_rows == [(1,)]
    assert int(found.summary["read_rows"]) < 50_000


def test_clients_survive_a_restart(tmp_path: Path) -> None:
    with running_store(tmp_path / "data") as process:
        assert store.rows("SELECT 1 AS x") == [{"x": 1}]
        assert process.stop() == 0
        assert "is closed" in (process.data / "store.log").read_text()
        with pytest.raises(store.StoreError, match="golive up"):
            store.rows("SELECT 1 AS x")
        taken = socket.create_server(("127.0.0.1", int(store.endpoint().url.rpartition(":")[2])))
        process.start()  # its last port is taken: it must move
        assert store.rows("SELECT 1 AS x") == [{"x": 1}]
        taken.close()
        process.stop(signal.SIGKILL)
        process.start()
        assert store.rows("SELECT 1 AS x") == [{"x": 1}]


def test_stopping_does_not_wait_for_long_reads(tmp_path: Path) -> None:
    with running_store(tmp_path / "data") as process:
        place = store.endpoint()
        link = http.client.HTTPConnection(place.url.removeprefix("http://"))
        heads = {"X-ClickHouse-User": place.reader[0], "X-ClickHouse-Key": place.reader[1]}
        link.request("POST", "/", slow_query("endless").encode(), heads)
        assert until(lambda: running_queries("endless") == 1)
        assert process.stop() == 0
        link.close()
        assert "is closed" in (process.data / "store.log").read_text()


def test_one_process_a_folder(tmp_path: Path) -> None:
    with running_store(tmp_path / "data") as process:
        other = StoreProcess(process.data, {"GOLIVE_STORE_PORT": "0"})
        with pytest.raises(AssertionError, match="another golive"):
            other.start()
        assert store.rows("SELECT 1 AS x") == [{"x": 1}]


@pytest.mark.story
def test_kill_9_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Killed again and again in the middle of inserts: what was acknowledged is there once, nothing is torn."""
    sent: dict[str, int] = {}
    with running_store(tmp_path / "data") as process:
        store.connect(write=True).command(
            "CREATE TABLE k (batch UInt32, n UInt32) ENGINE = MergeTree ORDER BY batch "
            "SETTINGS non_replicated_deduplication_window = 1000"
        )
        stop, acknowledged, batch = threading.Event(), set[int](), iter(range(100_000))
        lock = threading.Lock()

        def load() -> None:
            while not stop.is_set():
                with lock:
                    number = next(batch)
                    sent[str(number)] = number
                body = b"".join(b"%d,%d\n" % (number, n) for n in range(2000))
                settings = {"insert_deduplicate": 1, "insert_deduplication_token": str(number)}
                while not stop.is_set():
                    try:
                        store.connect(write=True).raw_insert("k", insert_block=body, fmt="CSV", settings=settings)
                        acknowledged.add(number)
                        break
                    except (ClickHouseError, store.StoreError, OSError):
                        time.sleep(0.05)

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            time.sleep(1.5)
            process.stop(signal.SIGKILL)
            process.start()
        time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join(60)
        found = store.rows("SELECT batch, count() AS rows, uniqExact(n) AS u FROM k GROUP BY batch")
        assert {row["batch"] for row in found} >= acknowledged
        assert {(row["rows"], row["u"]) for row in found} == {(2000, 2000)}
        assert len(acknowledged) > 10

"""Nobody without a password gets in, and a reader can do nothing but read the store's tables."""

import base64
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from golive.telemetry import store
from golive.telemetry.accounts import Account, Right, authenticate, credentials
from golive.telemetry.guard import Forbidden, examine

from .stores import StoreProcess, running_store

SECRET = "the content that must not leak"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    with running_store(tmp_path_factory.mktemp("rights")) as process:
        yield process


def ask(
    sql: str,
    *,
    account: tuple[str, str] | None = None,
    headers: dict[str, str] | None = None,
    method: str = "POST",
    **parameters: str,
) -> tuple[int, str, dict[str, str]]:
    place = store.endpoint()
    heads = dict(headers or {})
    if account:
        heads["Authorization"] = "Basic " + base64.b64encode(":".join(account).encode()).decode()
    if method == "GET":
        parameters["query"] = sql
    url = f"{place.url}/?{urllib.parse.urlencode(parameters)}"
    body = sql.encode() if method == "POST" else None
    request = urllib.request.Request(url, data=body, headers=heads, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode("utf-8", "replace"), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace"), dict(error.headers)


def test_every_way_to_say_who_one_is(running: StoreProcess) -> None:
    name, password = store.endpoint().reader
    assert ask("SELECT 1", account=(name, password))[:2] == (200, "1\n")
    assert ask("SELECT 1", headers={"X-ClickHouse-User": name, "X-ClickHouse-Key": password})[0] == 200
    assert ask("SELECT 1", user=name, password=password)[0] == 200
    assert ask("SELECT 1", account=(name, password), method="GET")[0] == 200


@pytest.mark.parametrize(
    "account", [None, ("reader", ""), ("reader", "x" * 64), ("default", ""), ("", ""), ("ré", "é")]
)
def test_nobody_else_gets_in(running: StoreProcess, account: tuple[str, str] | None) -> None:
    status, text, headers = ask("SELECT 1", account=account)
    assert (status, headers["x-clickhouse-exception-code"]) == (403, "516")
    assert "Authentication failed" in text


@pytest.mark.parametrize("value", ["Basic", "Basic !!!", "Basic /////w==", "Bearer abc", "Basic " + "A" * 5000])
def test_a_broken_authorization_is_refused(running: StoreProcess, value: str) -> None:
    assert ask("SELECT 1", headers={"Authorization": value})[0] == 403


FORBIDDEN = [
    # other sources, as table functions
    "SELECT * FROM file('{path}', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:1/x', 'CSV', 'a String')",
    "SELECT * FROM s3('http://127.0.0.1:1/bucket/x')",
    "SELECT * FROM gcs('http://127.0.0.1:1/bucket/x')",
    "SELECT * FROM remote('127.0.0.1', 'system.one')",
    "SELECT * FROM remoteSecure('127.0.0.1', 'system.one')",
    "SELECT * FROM cluster('default', system.one)",
    "SELECT * FROM executable('cat', 'CSV', 'a String')",
    "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
    "SELECT * FROM postgresql('127.0.0.1:1', 'd', 't', 'u', 'p')",
    "SELECT * FROM sqlite('{path}', 't')",
    "SELECT * FROM hdfs('hdfs://127.0.0.1:1/x', 'CSV', 'a Int8')",
    "SELECT * FROM Python(secret)",
    "SELECT * FROM python(secret)",
    "SELECT * FROM filesystem('/')",
    "SELECT * FROM eval('SELECT 1')",
    "SELECT * FROM deltaLake('http://127.0.0.1:1/b/x')",
    "SELECT * FROM icebergLocal('{path}')",
    "SELECT * FROM loop(system.one) LIMIT 1",
    "SELECT * FROM dictionary('x')",
    "SELECT * FROM input('a Int8')",
    "SELECT * FROM `{path}`",
    # the same behind other statements and spellings
    "DESCRIBE file('{path}')",
    "DESCRIBE TABLE url('http://127.0.0.1:1/x')",
    "DESCRIBE (SELECT * FROM file('{path}'))",
    "EXPLAIN SELECT * FROM file('{path}', 'LineAsString')",
    "SELECT * FROM FILE /* x */ ('{path}', 'LineAsString')",
    "SELECT * FROM (SELECT * FROM `url`('http://127.0.0.1:1/x'))",
    "SELECT (SELECT count() FROM file('{path}', 'LineAsString'))",
    "WITH x AS (SELECT * FROM file('{path}', 'LineAsString')) SELECT * FROM x",
    "SELECT * FROM view(SELECT * FROM file('{path}', 'LineAsString'))",
    # the scalar function that reads files
    "SELECT file('{path}')",
    "SELECT \"file\"('{path}')",
    "SELECT `fi\\x6ce`('{path}')",
    "SELECT file -- comment\n ('{path}')",
    "WITH file('{path}') AS content SELECT content",
    "SELECT arrayMap(file, ['{path}'])",
    "SELECT arrayMap(x -> file(x), ['{path}'])",
    "SELECT aiGenerate('x')",
    # writing to files
    "SELECT 1 INTO OUTFILE '{path}.out'",
    "SELECT 1 INTO OUTFILE '{path}.out' TRUNCATE FORMAT CSV",
    "EXPLAIN SELECT 1 INTO OUTFILE '{path}.out'",
    # changes
    "INSERT INTO events (project) VALUES ('x')",
    "INSERT INTO events (project) SELECT 'x'",
    "INSERT INTO FUNCTION file('{path}.out') SELECT 1",
    "INSERT INTO events FORMAT JSONEachRow {{}}",
    "CREATE TABLE x (a Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE x (a Int8)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE FUNCTION f AS x -> x",
    "CREATE USER u",
    "ALTER TABLE events DELETE WHERE 1",
    "TRUNCATE TABLE events",
    "DROP TABLE events",
    "DROP DATABASE golive",
    "RENAME TABLE events TO e2",
    "OPTIMIZE TABLE events FINAL",
    "DETACH TABLE events",
    "ATTACH TABLE nothing",
    "GRANT ALL ON *.* TO default",
    "SYSTEM SHUTDOWN",
    "SYSTEM FLUSH LOGS",
    "KILL QUERY WHERE 1",
    "BACKUP DATABASE golive TO File('{path}.backup')",
    "RESTORE DATABASE golive FROM File('{path}.backup')",
    "EXECUTE AS default SELECT 1",
    # limits and rights
    "SET readonly = 0",
    "SET max_memory_usage = 0",
    "SET param_x = 1",
    "USE system",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "SELECT 1 SETTINGS max_memory_usage = 100000000000",
    "SELECT 1 SETTINGS allow_introspection_functions = 1",
    "SELECT demangle('x')",
    # the command line's own words
    "\\! touch {path}.out",
    "exit",
    "quit;",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE events",
]


@pytest.mark.parametrize("template", FORBIDDEN)
def test_a_reader_may_only_read(running: StoreProcess, tmp_path: Path, template: str) -> None:
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    status, text, headers = ask(
        template.format(path=path), account=store.endpoint().reader, database="golive", default_format="TSV"
    )
    assert status >= 400
    assert SECRET not in text
    assert headers["x-clickhouse-exception-code"]
    assert sorted(found.name for found in tmp_path.iterdir()) == ["secret.txt"]
    assert store.rows("SELECT 1 AS still") == [{"still": 1}]


def test_a_bound_name_cannot_smuggle_a_function(running: StoreProcess, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text(SECRET)
    for name in ("file", "`file`", "FILE"):
        status, text, _ = ask(
            "SELECT arrayMap({f:Identifier}, [{p:String}])",
            account=store.endpoint().reader,
            param_f=name,
            param_p=str(tmp_path / "secret.txt"),
        )
        assert status == 403
        assert SECRET not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("readonly", "0"),
        ("readonly", "2"),
        ("allow_introspection_functions", "1"),
        ("format_schema", "x"),
        ("max_memory_usage", "many"),
        ("allow_ddl", "1"),
        ("a b", "1"),
        ("user_files_path", "/"),
    ],
)
def test_a_reader_cannot_choose_every_setting(running: StoreProcess, name: str, value: str) -> None:
    assert ask("SELECT 1", account=store.endpoint().reader, **{name: value})[0] in (400, 403)


def test_a_reader_may_lower_its_limits_but_not_raise_them(running: StoreProcess) -> None:
    reader = store.endpoint().reader
    read = "SELECT getSetting('max_execution_time'), getSetting('max_memory_usage')"
    assert ask(read, account=reader, max_execution_time="3", max_memory_usage="1000000")[1].split() == ["3", "1000000"]
    assert ask(read, account=reader, max_execution_time="0", max_memory_usage="9" * 14)[1].split() == [
        "60",
        "400000000",
    ]


def test_get_reads_whoever_asks(running: StoreProcess) -> None:
    assert ask("SELECT 1", account=store.endpoint().writer, method="GET")[0] == 200
    assert ask("DROP TABLE events", account=store.endpoint().writer, method="GET", database="golive")[0] == 403


def test_words_in_strings_are_no_functions(running: StoreProcess) -> None:
    sql = "SELECT 'file(''/etc/passwd'') INTO OUTFILE' AS text, map('file', 1)['file'] AS file_count -- file(1)"
    assert store.rows(sql) == [{"text": "file('/etc/passwd') INTO OUTFILE", "file_count": 1}]


@pytest.mark.parametrize(
    "canonical",
    ["SELECT file('x')", "SELECT 1 FROM url('x')", "SELECT arrayMap(`file`, ['x'])", "DESCRIBE TABLE S3('x')"],
)
def test_examine_refuses(canonical: str) -> None:
    with pytest.raises(Forbidden):
        examine(canonical, {}, {"url", "s3", "file", "numbers"})


@pytest.mark.parametrize(
    "canonical", ["SELECT 'file(1)'", "SELECT count() FROM numbers(3)", "SELECT url FROM t", "SELECT files(1)"]
)
def test_examine_lets_pass(canonical: str) -> None:
    examine(canonical, {"x": "file"}, {"url", "s3", "file", "numbers"})


def test_credentials_and_accounts() -> None:
    known = (Account("reader", "a" * 64, Right.READ), Account("writer", "b" * 64, Right.WRITE))
    assert authenticate(("writer", "b" * 64), known) == known[1]
    assert authenticate(("writer", "a" * 64), known) is None
    assert authenticate(("reader", "é"), known) is None
    assert authenticate(None, known) is None
    assert credentials({}, {"user": "u", "password": "p"}) == ("u", "p")
    assert credentials({"x-clickhouse-user": "u"}, {"user": "v"}) == ("u", "")
    assert credentials({}, {}) is None

"""Tables over the small decisions of items."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.secrets.corpus import corpus
from golive.kit.connections import Limits
from golive.readiness import advisories, routes, signing
from golive.readiness.asking import Ask, Site
from golive.readiness.locks import Package, bill, installed, package_lock, requirements, toml_lock
from golive.readiness.outputs import as_junit, as_sarif
from golive.readiness.planted import LOOPBACK
from golive.readiness.secretscan.rules import scan
from golive.readiness.tls import deviations


@pytest.mark.parametrize(
    ("method", "path", "same"),
    [
        ("get", "/a/{id:int}/", "GET /a/{id}"),
        ("POST", "/a/:id?x=1", "POST /a/{id}"),
        ("GET", "/", "GET /"),
        ("GET", "/static/{path:path}", "GET /static/{path}"),
        ("GET", "/files/*", "GET /files/{path}"),
    ],
)
def test_routes_are_spelled_alike(method: str, path: str, same: str) -> None:
    assert str(routes.route(method, path)) == same


def test_only_declared_routes_are_public() -> None:
    known = [routes.route(*one.split(" ")) for one in ("GET /", "GET /app", "POST /login", "GET /static/{path}")]
    guarded, opened, unused = routes.split(known, ["GET /", "* /login", "GET /static/{file}", "GET /gone"])
    assert [str(one) for one in guarded] == ["GET /app"]
    assert len(opened) == 3
    assert unused == ["GET /gone"]


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.0/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:N/A:N", 5.5),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:4.0/AV:N/AC:L", None),
        ("CVSS:3.1/AV:N", None),
    ],
)
def test_scores_are_those_of_the_specification(vector: str, score: float | None) -> None:
    assert advisories.base_score(vector) == score


@pytest.mark.parametrize(
    ("record", "word"),
    [
        ({}, ""),
        ({"database_specific": {"severity": "MODERATE"}}, "medium"),
        ({"severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N"}]}, ""),
        (
            {
                "database_specific": {"severity": "LOW"},
                "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
            },
            "critical",
        ),
    ],
)
def test_the_worst_rating_counts_and_none_is_unknown(record: Mapping[str, Any], word: str) -> None:
    assert advisories.severity(record) == word


def test_lock_files_are_read() -> None:
    text = "Flask==3.0.0 \\\n    --hash=sha256:aa\nmy_lib[extra]==1.2 ; python_version > '3'\n# no==1\n-e .\nloose>=2\n"
    assert list(requirements(text)) == [("PyPI", "flask", "3.0.0"), ("PyPI", "my-lib", "1.2")]
    own = '[[package]]\nname = "own"\nversion = "0"\nsource = {editable = "."}\n'
    uv = '[[package]]\nname = "Jinja2"\nversion = "3"\n' + own
    assert list(toml_lock(uv)) == [("PyPI", "jinja2", "3")]
    node = {
        "packages": {"": {"version": "1"}, "node_modules/@a/b": {"version": "2"}, "x": {"link": True, "version": "3"}}
    }
    assert list(package_lock(json.dumps(node))) == [("npm", "@a/b", "2")]
    made = bill("acme", [Package("PyPI", "a", "1"), Package("npm", "@a/b", "2")], datetime(2026, 1, 1, tzinfo=UTC))
    assert made["specVersion"] == "1.6"
    assert [one["purl"] for one in made["components"]] == ["pkg:pypi/a@1", "pkg:npm/%40a/b@2"]


def test_what_is_installed_is_listed_and_what_packages_bring_themselves(tmp_path: Path) -> None:
    metadata = tmp_path / "lib/python3.11/site-packages/Some_Thing-1.2.dist-info/METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: Some_Thing\nVersion: 1.2\n\nIt does.\n")
    for where, version in (("ms", "2.1.3"), ("debug/node_modules/ms", "2.0.0"), ("@a/b", "1.0.0")):
        (tmp_path / where).mkdir(parents=True)
        told = {"name": where.partition("node_modules/")[2] or where, "version": version}
        (tmp_path / where / "package.json").write_text(json.dumps(told))
    assert [(one.ecosystem, one.name, one.version) for one in installed(tmp_path)] == [
        ("PyPI", "some-thing", "1.2"), ("npm", "@a/b", "1.0.0"), ("npm", "ms", "2.0.0"), ("npm", "ms", "2.1.3"),
    ]  # fmt: skip


def test_the_scan_finds_what_is_labelled() -> None:
    wrong = [sample for sample in corpus(7, 2) if bool(list(scan(sample.text))) != sample.secret]
    assert [sample.kind for sample in wrong if sample.kind != "chosen by a person"] == []


def test_no_hit_holds_the_secret() -> None:
    for sample in corpus(7, 1):
        for hit in scan(sample.text):
            assert hit.fingerprint not in sample.text
            assert str(hit.line).isdigit()


def test_signatures_are_those_of_the_providers() -> None:
    body = b'{"test": 2432232314}'
    made = signing.standard(body, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330)
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    hello = signing.github(b"Hello, World!", "It's a Secret to Everybody", "1", 0)["X-Hub-Signature-256"]
    assert hello == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_ciphers_beside_the_profile_are_listed() -> None:
    assert deviations(["ECDHE-RSA-AES128-GCM-SHA256", "AES256-SHA"]) == ["AES256-SHA"]


def test_outputs_for_machines_are_never_green_by_mistake() -> None:
    base = {"place": "preview", "waived": [], "title": "T", "doubts": [], "findings": [], "reason": "r"}
    found = {"subject": "s", "text": "bad\x00", "place": "a/b.py:3"}
    documents = [
        {**base, "item": "a", "verdict": "pass"},
        {**base, "item": "b", "verdict": "fail", "findings": [found]},
        {**base, "item": "c", "verdict": "unknown", "doubts": [{"subject": "s", "text": "?", "next": ""}]},
    ]
    junit = as_junit("acme", documents).decode()
    assert 'tests="3" failures="1" errors="1"' in junit
    assert "\x00" not in junit
    results = json.loads(as_sarif(documents))["runs"][0]["results"]
    assert [one["level"] for one in results] == ["error", "warning"]
    assert results[0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 3


async def _hostile(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Redirects without end, drips, sends without end, or says that HTML is JSON."""
    path = (await reader.readline()).split()[1]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    try:
        if path == b"/loop":
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n")
        elif path == b"/drip":
            writer.write(head)
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        elif path == b"/flood":
            writer.write(head)
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        else:
            writer.write(head + b"<html>")
    except ConnectionError:
        pass
    finally:
        writer.close()


async def test_a_hostile_target_cannot_hang_a_run() -> None:
    server = await asyncio.start_server(_hostile, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    limits = Limits(total=timedelta(seconds=1), body_bytes=10_000, redirects=0)
    site = Site(url, policy=LOOPBACK, limits=limits)
    loop, drip, flood, html = await asyncio.to_thread(
        site.all, [Ask(f"/{name}") for name in ("loop", "drip", "flood", "html")]
    )
    assert loop is not None
    assert loop.status == 302
    assert drip is None
    assert flood is not None
    assert flood.truncated
    assert len(flood.body) == 10_000
    assert html is not None
    with pytest.raises(routes.CannotTell):
        await asyncio.to_thread(routes.asked_openapi, site, "/html")
    server.close()


def test_a_snapshot_of_advisories_lists_versions(tmp_path: Path) -> None:
    record = {
        "id": "X-1", "modified": "2026-01-02T00:00:00Z", "database_specific": {"severity": "HIGH"},
        "affected": [{"package": {"ecosystem": "PyPI", "name": "a"}, "versions": ["1"]}],
    }  # fmt: skip
    (tmp_path / "x.json").write_text(json.dumps(record))
    found, newest = advisories.from_snapshot(tmp_path, [Package("PyPI", "a", "1"), Package("PyPI", "a", "2")])
    assert [(one.package.version, one.severity) for one in found] == [("1", "high")]
    assert newest == datetime(2026, 1, 2, tzinfo=UTC)

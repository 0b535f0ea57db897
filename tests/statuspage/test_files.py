"""The page's files as ASGI answers them: from memory, by domain, private, never out of their folder."""

import base64
import os
import time

import pytest

from golive.statuspage import files


class Asked:
    def __init__(self, folder):
        self.folder = folder
        self.passed = []

        async def app(scope, receive, send):
            self.passed.append(scope["path"])
            await send({"type": "http.response.start", "status": 599, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        self.app = files.StatusFiles(app, "http://golive.example", files.Shelf(folder))

    async def get(self, path, method="GET", **headers):
        sent = []

        async def send(message):
            sent.append(message)

        named = {"host": "golive.example", **{key.replace("_", "-"): value for key, value in headers.items()}}
        raw = [(key.encode(), value.encode()) for key, value in named.items()]
        await self.app({"type": "http", "method": method, "path": path, "headers": raw}, None, send)
        got = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
        return sent[0]["status"], got, sent[1]["body"]


@pytest.fixture
def asked(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LOOK_SECONDS", 0)
    monkeypatch.setenv("GOLIVE_DATA", str(tmp_path))
    folder = tmp_path / "status"
    (folder / "acme" / "api" / "v2").mkdir(parents=True)
    (folder / "acme" / "index.html").write_text("<!--stale-->all well")
    (folder / "acme" / "api" / "v2" / "summary.json").write_text("{}")
    (folder / "secret.json").write_text("not a page's")
    return Asked(folder)


async def test_files_are_answered_and_all_else_passed_on(asked):
    assert (await asked.get("/status/acme/"))[2] == b"<!--stale-->all well"
    assert (await asked.get("/status/acme/api/v2/summary.json"))[1]["access-control-allow-origin"] == "*"
    for path in ("/status/acme/subscribe/", "/status/none/", "/p/acme/", "/status/acme/../secret.json"):
        assert (await asked.get(path))[0] == 599
    assert (await asked.get("/status/acme/", method="POST"))[0] == 599
    status, headers, body = await asked.get("/status/acme/", method="HEAD")
    assert (status, headers["content-length"], body) == (200, "20", b"")


async def test_a_changed_file_is_read_again_and_a_known_one_not_sent(asked):
    _, headers, _ = await asked.get("/status/acme/")
    assert (await asked.get("/status/acme/", if_none_match=headers["etag"]))[0] == 304
    (asked.folder / "acme" / "index.html").write_text("changed")
    assert (await asked.get("/status/acme/", if_none_match=headers["etag"]))[2] == b"changed"


async def test_an_old_page_says_so_even_to_who_knows_it(asked):
    page = asked.folder / "acme" / "index.html"
    os.utime(page, (time.time() - 400,) * 2)
    _, headers, body = await asked.get("/status/acme/")
    assert b"Not brought up to date since" in body
    assert (await asked.get("/status/acme/", if_none_match=headers["etag"]))[0] == 200


async def test_its_own_domain_shows_the_page_at_the_root(asked):
    (asked.folder / files.DOMAINS).write_text('{"status.acme.example": "acme"}')
    own = {"host": "status.acme.example:443"}
    assert (await asked.get("/", **own))[2] == b"<!--stale-->all well"
    assert (await asked.get("/api/v2/summary.json", **own))[2] == b"{}"
    status, headers, _ = await asked.get("/subscribe/", **own)
    assert (status, headers["location"]) == (302, "http://golive.example/status/acme/subscribe/")
    assert (await asked.get("/p/acme/", **own))[0] == 404
    assert asked.passed == []


async def test_a_private_page_opens_with_its_password_alone(asked):
    (asked.folder / "acme" / files.LOCK).write_text(files.lock_digest("acme", "sesame"))
    status, headers, _ = await asked.get("/status/acme/")
    assert (status, headers["www-authenticate"][:5]) == (401, "Basic")

    def basic(password):
        return "Basic " + base64.b64encode(f"any:{password}".encode()).decode()

    assert (await asked.get("/status/acme/api/v2/summary.json", authorization=basic("wrong")))[0] == 401
    assert (await asked.get("/status/acme/", authorization="Basic %%%"))[0] == 401
    status, headers, _ = await asked.get("/status/acme/", authorization=basic("sesame"))
    assert (status, headers["cache-control"]) == (200, "private, max-age=5")
    assert (await asked.get("/status/acme/.private", authorization=basic("sesame")))[0] == 599

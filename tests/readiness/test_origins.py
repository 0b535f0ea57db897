"""Secrets of the running product: where they come from, that they are nowhere else, and whether leaked ones live."""

import subprocess
import tarfile
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from golive.kit.connections import Phases
from golive.kit.outbound import Answer
from golive.readiness.asking import Site
from golive.readiness.items.secrets import Past, examine_artifacts, examine_repository
from golive.readiness.origins import Origin, examine_origins, searchable, undeclared
from golive.readiness.planted import LOOPBACK
from golive.readiness.revocation import Worth, judge, worth
from golive.sandbox.hosting import Hosted

TOKEN = "glpat-" + "k3Jq8Zt1Xw5Rb7Ny2Vc9"
GOOD = "n8Qd31xkLwzP0v"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (GOOD, []),
        ("short", ["has 5 characters: it can be guessed"]),
        ("changeme-please", ["is a placeholder that was never replaced"]),
        (f"postgresql://acme:{GOOD}@db/acme", []),
        ("postgresql://acme:postgres@db/acme", []),  # the item on databases tries it
    ],
)
def test_a_value_is_judged_and_never_shown(value: str, said: list[str]) -> None:
    one = Origin("KEY", "env", "KEY", value)
    report = examine_origins([one], None)
    assert [finding.text for finding in report.findings] == said
    assert value not in repr(one) + repr(report)


def test_a_file_that_everybody_reads_is_convicted(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(GOOD)
    file.chmod(0o644)
    one = Origin("KEY", "file", str(file), GOOD)
    assert [finding.subject for finding in examine_origins([one], tmp_path).findings] == ["secret KEY", "secret KEY"]
    file.chmod(0o600)
    assert examine_origins([one], tmp_path / "src").findings == []


def test_names_that_the_source_reads_must_be_declared(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('import os\nos.environ["STRIPE_KEY_PATH"]; os.getenv("API_TOKEN")\n')
    (tmp_path / "b.ts").write_text("const word = process.env.SESSION_SECRET")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/c.py").write_text('os.getenv("TEST_TOKEN")')
    (tmp_path / "env").mkdir()
    (tmp_path / "env/library.py").write_text('os.getenv("SOME_API_KEY")')
    (tmp_path / ".gitignore").write_text("env/\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert undeclared(tmp_path, ["API_TOKEN"]) == {"SESSION_SECRET": "b.ts"}


def repository(folder: Path, *contents: str) -> None:
    for number, text in enumerate(contents):
        (folder / "file.py").write_text(text)
        words = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-C", str(folder)]
        for more in (["init", "-q"] if not number else [], ["add", "-A"], ["commit", "-qm", "x"]):
            if more:
                subprocess.run(["git", *words, *more], check=True, capture_output=True)


def test_the_value_of_a_running_secret_is_found_whatever_it_looks_like(tmp_path: Path) -> None:
    repository(tmp_path, "word = 'blue heron'\n", "word = 'grey heron'\n")
    known = searchable([Origin("WORD", "env", "", "blue heron")])
    report = examine_repository(tmp_path, Past(), known)
    assert [finding.subject.split()[:2] for finding in report.findings] == [["history", "file.py"]]
    assert "value of WORD" in report.findings[0].text


@pytest.mark.parametrize(
    ("status", "noted", "convicted"), [(401, False, ""), (200, True, "still works"), (500, True, "")]
)
def test_a_leak_in_history_passes_when_its_provider_refuses_it(
    tmp_path: Path, status: int, noted: bool, convicted: str
) -> None:
    repository(tmp_path, f"TOKEN = '{TOKEN}'\n", "TOKEN = ''\n")
    asked: list[str] = []

    async def user(request: Request) -> JSONResponse:
        asked.append(request.headers["private-token"])
        return JSONResponse({}, status)

    with Hosted(Starlette(routes=[Route("/api/v4/user", user)])) as gitlab:
        past = Past(providers={"gitlab": gitlab.url}, policy=LOOPBACK)
        mark = examine_repository(tmp_path, Past(providers={"gitlab": "http://127.0.0.1:9"}, policy=LOOPBACK))
        print_ = mark.findings[0].subject.rpartition(" ")[2]
        notes = {print_: "2026-03-01: rotated, log entry 4711"} if noted else {}
        report = examine_repository(tmp_path, Past(notes, {}, past.providers, LOOPBACK))
    assert asked == [TOKEN]
    assert [finding.text for finding in report.findings if convicted not in finding.text or not convicted] == []
    assert bool(report.findings) == bool(convicted)
    assert TOKEN not in repr(report)


@pytest.mark.parametrize(
    ("provider", "status", "body", "said"),
    [
        ("github", 401, b"", Worth.REFUSED),
        ("github", 403, b"", Worth.LIVE),
        ("github", 502, b"", Worth.UNKNOWN),
        ("slack", 200, b'{"ok": false, "error": "token_revoked"}', Worth.REFUSED),
        ("slack", 200, b'{"ok": true}', Worth.LIVE),
        ("slack", 200, b"<html>", Worth.UNKNOWN),
    ],
)
def test_answers_of_providers(provider: str, status: int, body: bytes, said: Worth) -> None:
    assert judge(provider, status, body) is said


def test_nobody_is_asked_about_what_no_provider_issued() -> None:
    assert worth("private key", "x", {}, LOOPBACK)[0] is Worth.UNKNOWN


@pytest.mark.parametrize(("named", "said"), [({}, Worth.UNKNOWN), ({"gitlab": "https://gitlab.com"}, Worth.REFUSED)])
def test_a_refusal_counts_only_of_the_gitlab_that_issued_it(
    named: dict[str, str], said: Worth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Site, "ask", lambda self, ask: Answer(self.url, 401, (), b"", False, "", 0, Phases()))
    assert worth("GitLab token", TOKEN, named, LOOPBACK)[0] is said


def test_what_was_built_is_searched_inside_of_archives(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(f'WORD = "{GOOD}"')
    with tarfile.open(tmp_path / "acme.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "settings.py", "acme/settings.py")
    report = examine_artifacts(tmp_path / "acme.tar.gz", {}, {"WORD": GOOD})
    assert "what was built holds a value of WORD in acme/settings.py" in report.findings[0].text
    (tmp_path / "empty").mkdir()
    assert examine_artifacts(tmp_path / "empty", {}, {}).doubts

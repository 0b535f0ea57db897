"""Previews: who may pass, who falls asleep, and one from its first deploy to its end behind the real front."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest
from django.test import Client

from golive.jobs.kinds import Work
from golive.jobs.models import Job
from golive.kit.folders import data_folder, kept_secret
from golive.people.models import Role, User
from golive.pipelines import deploys, remote
from golive.releases import apart, door, jobs, lock, passes, previews, runs, variables
from golive.releases.errors import BuildError, Refused
from golive.releases.host import units
from golive.releases.host.place import place
from golive.releases.host.target import HostTarget
from golive.releases.models import CommandRun, DeploySettings, Environment
from golive.releases.passes import Move
from tests.releases.conftest import SHOP, Shop

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOST = "pr-1.preview.shop.localhost"


@pytest.mark.parametrize(
    ("protect", "uri", "cookie_host", "age", "expected"),
    [
        ("none", "/", "", 0, Move.LET_IN),
        ("login", "/", "", 0, Move.LOG_IN),
        ("link", "/", "", 0, Move.REFUSE),
        ("login", "/", HOST, 0, Move.LET_IN),
        ("login", "/", HOST, 2, Move.LOG_IN),
        ("login", "/", "pr-2.preview.shop.localhost", 0, Move.LOG_IN),
    ],
)
def test_who_may_pass(protect: str, uri: str, cookie_host: str, age: int, expected: Move) -> None:
    token = passes.sign(cookie_host, NOW + timedelta(hours=1)) if cookie_host else ""
    found = passes.decide(protect, HOST, uri, token, "", NOW + timedelta(hours=age))
    assert found.move is expected


def test_a_pass_in_the_address_becomes_a_cookie_and_leaves_the_address() -> None:
    token = passes.sign(HOST, NOW + timedelta(hours=1))
    found = passes.decide("link", HOST, f"/a?x=1&golive_pass={token}&y=", "", "", NOW)
    assert (found.move, found.uri) == (Move.GIVE_COOKIE, "/a?x=1&y=")
    assert passes.decide("link", HOST, "/a?golive_pass=forged", "", "", NOW).move is Move.REFUSE


def test_those_asked_for_longest_ago_fall_asleep() -> None:
    awake = [("a", NOW), ("b", NOW - timedelta(hours=2)), ("c", None)]
    assert previews.oldest_first(awake, 4) == []
    assert previews.oldest_first(awake, 3) == ["c"]
    assert previews.oldest_first(awake, 2) == ["c", "b"]


def test_a_preview_from_open_to_close(shop: Shop, client: Client) -> None:
    shop.settings["previews"] = {"most": 1, "protect": "link", "variables": {"APP_URL": "{url}"}}
    release = shop.build()
    first = previews.open_preview(shop.project, "pr-1", release)
    assert first.outcome.well, first.outcome.reason
    assert first.url == f"http://{HOST}:{shop.port}"
    assert variables.values(first.environment) == {"APP_URL": first.url}
    assert shop.flips() == []
    gate = {"X-Forwarded-Host": f"{HOST}:{shop.port}", "X-Forwarded-Uri": "/"}
    assert client.get("/previews/gate/", headers=gate).status_code == 403
    let_in = {**gate, **first.headers}
    assert client.get("/previews/gate/", headers=let_in).status_code == 204
    # The front asks the gate of a console that is not up: it lets nobody through.
    answer = httpx.get(f"http://127.0.0.1:{shop.port}/", headers={"Host": HOST}, trust_env=False)
    assert answer.status_code == 502

    second = previews.open_preview(shop.project, "pr-2", release)
    assert second.outcome.well
    one = Environment.objects.get(project=shop.project, name="pr-1")
    assert one.asleep
    waking = client.get("/previews/gate/", headers=let_in)
    assert waking.status_code == 503
    assert "waking up" in waking.content.decode()
    previews.wake(one)
    assert client.get("/previews/gate/", headers=let_in).status_code == 204
    assert Environment.objects.get(project=shop.project, name="pr-2").asleep
    for name in ("pr-1", "pr-2"):
        previews.close_preview(Environment.objects.get(project=shop.project, name=name))
    assert client.get("/previews/gate/", headers=let_in).status_code == 404


PRYING = """
import json, os, pathlib, sys
def tried(path):
    try:
        return bool(os.listdir(path) if os.path.isdir(path) else open(path, "rb").read())
    except OSError as error:
        return error.strerror
seen = [p for p in os.listdir("/proc") if p.isdigit()]
print(json.dumps({
    "uid": os.getuid(), "data": tried(sys.argv[1]), "golive": os.path.exists(f"/proc/{sys.argv[2]}/environ"),
    "processes": len(seen), "own": tried("behaviour.json"),
    "names": sorted(n for n in os.environ if n.startswith(("GOLIVE_", "DJANGO_"))),
    "writes": os.access(".", os.W_OK),
}))
"""


def a_key() -> Path:
    """A secret of golive's."""
    kept_secret("preview-secrets")
    return data_folder() / "keys" / "preview-secrets"


@pytest.mark.skipif(not apart.able(), reason="bubblewrap does not work here")
def test_a_preview_is_kept_apart_from_golive(shop: Shop) -> None:
    opened = previews.open_preview(shop.project, "pr-1", shop.build())
    assert opened.outcome.well, opened.outcome.reason
    words = ["python3", "-c", PRYING, str(a_key().parent), str(os.getpid())]
    made = runs.run(opened.environment, words, by="t", tell=lambda line: None)
    found = json.loads(made.output)
    assert found.pop("processes") < 8
    assert found == {
        "uid": apart.uid_of(opened.environment) if os.geteuid() == 0 else os.geteuid(),
        "data": "No such file or directory", "golive": False, "own": True, "writes": False,
        "names": ["GOLIVE_ENVIRONMENT", "GOLIVE_RELEASE"],
    }  # fmt: skip
    live = opened.environment.live
    assert live is not None
    standing = HostTarget().supervisor.standing(f"{live.instance}-web-1")
    inner = psutil.Process(standing.pid).children(recursive=True)
    if os.geteuid() == 0:
        assert inner[-1].uids().real == apart.uid_of(opened.environment)
    previews.close_preview(opened.environment)
    _, alive = psutil.wait_procs(inner, timeout=20)
    assert not alive


@pytest.mark.skipif(not apart.able(), reason="bubblewrap does not work here")
def test_a_build_is_kept_apart_from_golive_and_writes_only_what_it_makes(shop: Shop) -> None:
    (shop.folder / "pry.py").write_text(PRYING + "open('made', 'w').write('x')\n")
    pry = f"python3 pry.py {a_key().parent} {os.getpid()}"
    copy = f"cp {shop.folder / 'pry.py'} ."
    with pytest.raises(BuildError, match="No such file"):
        shop.build(settings={"build": [copy]})
    source = shop.folder / "with it"
    shutil.copytree(SHOP, source)
    shutil.copy(shop.folder / "pry.py", source)
    (source / "behaviour.json").write_text("{}")
    DeploySettings.objects.filter(project=shop.project).update(deploy={**shop.settings, "build": [pry]})
    lines: list[str] = []
    release = door.build(shop.project, source, tell=lines.append)
    found = json.loads(lines[-1])
    assert found.pop("processes") < 8
    assert found.pop("uid") != 0 or os.geteuid() != 0
    assert found == {
        "data": "No such file or directory", "golive": False, "own": True, "writes": True, "names": ["GOLIVE_RELEASE"],
    }  # fmt: skip
    assert (Path(release.folder) / "made").stat().st_uid == os.geteuid(), "nobody else may change it afterwards"


def test_a_preview_ends_with_its_pull_request(shop: Shop) -> None:
    opened = previews.open_preview(shop.project, deploys.preview_name("Log in!"), shop.build())
    assert opened.environment.live is not None
    instance = opened.environment.live.instance
    (file,) = place().units.glob(f"{instance}-*")
    unit = units.read(file)
    assert unit is not None
    assert unit.environment["FORWARDED_ALLOW_IPS"] == "*"
    deploys.over(shop.project, "another", "ada")
    assert not Job.objects.filter(kind=jobs.CLOSE.name).exists()
    remote.begin(remote.Update("1" * 40, "0" * 40, "refs/heads/pr/log-in"), shop.project, "ada")
    job = Job.objects.get(kind=jobs.CLOSE.name)
    with lock.held(opened.environment), pytest.raises(Refused, match="under way"):
        jobs.run_close(Work(job.pk, job.payload, lambda share, said: None))
    jobs.run_close(Work(job.pk, job.payload, lambda share, said: None))
    opened.environment.refresh_from_db()
    assert opened.environment.closed_at is not None
    assert not list(place().units.glob(f"{instance}-*"))


def test_login_leads_to_the_console_and_back_with_a_pass(shop: Shop, client: Client) -> None:
    previews.open_preview(shop.project, "pr-1", shop.build())
    gate = {"X-Forwarded-Host": f"{HOST}:{shop.port}", "X-Forwarded-Uri": "/tasks?x=1"}
    away = client.get("/previews/gate/", headers=gate)
    assert away.status_code == 302
    path = "/previews/pass/?" + away["Location"].partition("?")[2]
    assert "/accounts/login/" in client.get(path)["Location"]
    client.force_login(User.objects.create_person("ada@acme.example", "correct horse battery", Role.VIEWER))
    back = client.get(path)["Location"]
    assert back.startswith(f"http://{HOST}:{shop.port}/tasks?x=1&golive_pass=")
    uri = back.partition(str(shop.port))[2]
    given = client.get("/previews/gate/", headers={**gate, "X-Forwarded-Uri": uri})
    assert given["Location"] == "/tasks?x=1"
    assert given.cookies["golive_preview"]["httponly"]


def test_variables_are_sealed_versioned_and_come_back_with_a_rollback(shop: Shop) -> None:
    where = shop.where
    variables.change(where, {"COLOUR": "red", "KEEP": "1"}, by="t", at=NOW)
    shop.ship()
    variables.change(where, {"COLOUR": "blue", "KEEP": None}, by="t", at=NOW)
    assert variables.values(where) == {"COLOUR": "blue"}
    assert variables.values(where, 1) == {"COLOUR": "red", "KEEP": "1"}
    assert "blue" not in json.dumps(list(where.variables.values_list("sealed", flat=True)))
    for bad in ({"SOCKET": "x"}, {"1A": "x"}, {"GONE": None}, {"A": "a\0b"}):
        with pytest.raises(variables.VariableError):
            variables.change(where, bad, by="t", at=NOW)


def test_a_scheduled_command_that_fails_is_a_flip(shop: Shop) -> None:
    shop.ship()
    DeploySettings.objects.filter(project=shop.project).update(
        cron={"bills": {"run": "sh -c 'echo no paper; exit 3'", "every": "1h"}}
    )
    made = runs.run_scheduled(shop.where, "bills", print)
    assert (made.exit_code, made.output) == (3, "no paper")
    assert shop.flips() == [("firing", "warning")]
    DeploySettings.objects.filter(project=shop.project).update(cron={"bills": {"run": "true", "every": "1h"}})
    runs.run_scheduled(shop.where, "bills", print)
    assert [new for new, _ in shop.flips()] == ["firing", "ok"]
    assert CommandRun.objects.filter(job="bills").count() == 2

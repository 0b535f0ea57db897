"""With a real telemetry store: a stranger's step gets nothing out of it, and each run's trace arrives in it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from django.test import Client

from golive.people.models import Project, Role, User
from golive.pipelines import isolate, spans
from golive.pipelines.stages import Stage
from golive.telemetry import facts, store
from golive.telemetry.address import endpoint
from tests.pipelines.conftest import Commit
from tests.pipelines.test_runs import said, ship
from tests.telemetry.stores import running_store

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "hunter2hunter2"
TRIES = """
import json, os, pathlib, re, sys, urllib.request

url, names, data = sys.argv[1], sys.argv[2].split(","), pathlib.Path(sys.argv[3])
words = {"", "golive", "default", "password", "admin", "reader", "writer"}
places = [data / "run" / "store.json", *data.glob("keys/*"), *data.glob("**/*.xml")]
places += [one / name for one in pathlib.Path("/proc").glob("[0-9]*") for name in ("environ", "cmdline")]
places += [one for one in pathlib.Path("/proc").glob("[0-9]*/root" + str(data) + "/run/store.json")]
for place in places:
    try:
        text = place.read_bytes().decode(errors="replace")
    except OSError:
        continue
    if "store.json" in str(place):
        print("READ", place)
    words |= set(re.findall(r"[A-Za-z0-9_-]{16,}", text))
asked = 0
for name in ["default", *names]:
    for word in sorted(words):
        request = urllib.request.Request(url + "/?query=SELECT+body+FROM+golive.logs", headers={
            "X-ClickHouse-User": name, "X-ClickHouse-Key": word})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                print("GOT", name, answer.status, answer.read()[:300])
        except urllib.error.HTTPError as error:
            asked += 1
            text = error.read().decode(errors="replace")
            if "hunter2" in text:
                print("GOT", text)
        except OSError as error:
            print("unreachable", error)
            asked += 1
print("asked", asked, "times")
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("store")
    with running_store(place):
        yield place


@pytest.mark.skipif(isolate.best() is isolate.Level.SESSION, reason="nothing here keeps strangers apart")
def test_a_strangers_step_gets_nothing_out_of_the_store(
    data: Path, project: Project, repository: Path, commit: Commit
) -> None:
    now = datetime.now(UTC)
    facts.record("logs_arriving", [{"time": now, "project": "shop", "service": "web", "body": SECRET}])
    assert facts.flush()
    place = endpoint()
    name, word = place.reader
    mine = httpx.get(
        f"{place.url}/?query=SELECT+body+FROM+golive.logs",
        headers={"X-ClickHouse-User": name, "X-ClickHouse-Key": word},
    )
    assert SECRET in mine.text, "with the password it is there to be read"
    names = f"{name},{place.writer[0]}"
    commit(f'[pipeline.unit]\nrun = "python3 tries.py {place.url} {names} {data}"', {"tries.py": TRIES})
    run = ship(project, repository, [Stage.UNIT], fork=True)
    heard = said(run, "unit")
    assert "asked" in heard, heard
    assert "asked 0 times" not in heard
    assert "GOT" not in heard
    assert "READ" not in heard
    assert SECRET not in heard
    assert word not in heard


def test_a_runs_trace_arrives_and_is_shown(
    data: Path, project: Project, repository: Path, commit: Commit, client: Client
) -> None:
    commit('[pipeline.lint]\nrun = "true"\n[pipeline.unit]\nrun = "exit 3"')
    run = ship(project, repository, [Stage.LINT, Stage.UNIT])
    spans.send(run)
    assert facts.flush()
    run.refresh_from_db()
    asked = "SELECT name, status, parent_span_id, attributes, synthetic FROM spans WHERE trace_id = {id:String}"
    end = time.monotonic() + 60
    while len(found := store.rows(asked, id=run.trace_id)) < 3 and time.monotonic() < end:
        time.sleep(0.2)
    by_name = {row["name"]: row for row in found}
    statuses = {name: row["status"] for name, row in by_name.items()}
    assert statuses == {"RUN files as they are": "error", "lint": "ok", "unit": "error"}
    whole = by_name["RUN files as they are"]
    assert whole["attributes"]["cicd.pipeline.result"] == "failure"
    assert whole["attributes"]["cicd.pipeline.run.id"] == str(run.number)
    assert by_name["unit"]["attributes"]["cicd.pipeline.task.run.result"] == "failure"
    assert by_name["unit"]["parent_span_id"]
    assert all(row["synthetic"] for row in found), "no customer waited for it"
    client.force_login(User.objects.create_person("ada@shop.example", "long enough", Role.OWNER))
    page = client.get(f"/p/shop/traces/{run.trace_id}/").content.decode()
    assert "RUN files as they are" in page
    assert "unit" in page
    assert f"/p/shop/traces/{run.trace_id}/" in client.get(run.link).content.decode()

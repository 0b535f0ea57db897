"""Webhooks of GitHub, GitLab and Gitea: forged, replayed, truncated, huge; and what golive tells the hosts."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from golive.jobs.models import Job
from golive.people import secrets
from golive.people.models import Project
from golive.pipelines import engine, fetching, reporting, webhooks
from golive.pipelines.models import Comment, Delivery, Run, Source
from golive.pipelines.outcome import State
from golive.sandbox.hosting import Hosted
from tests.pipelines.conftest import Commit, git

pytestmark = pytest.mark.django_db
threads = pytest.mark.django_db(transaction=True)
SECRET = "webhook-secret"
ZERO = "0" * 40


def hexdigest(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def push(host: str, commit: str, ref: str = "refs/heads/main") -> dict[str, Any]:
    if host == "gitlab":
        return {"object_kind": "push", "ref": ref, "after": commit, "project": {"path_with_namespace": "ada/shop"}}
    return {"ref": ref, "after": commit, "repository": {"full_name": "ada/shop"}, "pusher": {"name": "ada"}}


def asked(host: str, commit: str, *, fork: bool = False, action: str = "") -> dict[str, Any]:
    if host == "gitlab":
        return {
            "object_kind": "merge_request",
            "project": {"path_with_namespace": "ada/shop"},
            "object_attributes": {
                "iid": 7,
                "last_commit": {"id": commit},
                "action": action or "open",
                "source_project_id": 2 if fork else 1,
                "target_project_id": 1,
            },
        }
    return {
        "action": action or "opened",
        "number": 7,
        "repository": {"full_name": "ada/shop"},
        "pull_request": {
            "head": {"sha": commit, "repo": {"full_name": "eve/shop" if fork else "ada/shop"}},
            "base": {"repo": {"full_name": "ada/shop"}},
        },
    }


def headers(host: str, body: bytes, event: str = "push", delivery: str = "d1", *, good: bool = True) -> dict[str, str]:
    signature = hexdigest(body) if good else "0" * 64
    match host:
        case "github":
            return {
                "X-GitHub-Event": event,
                "X-GitHub-Delivery": delivery,
                "X-Hub-Signature-256": f"sha256={signature}",
            }
        case "gitlab":
            return {"X-Gitlab-Token": SECRET if good else "guess", "X-Gitlab-Event-UUID": delivery}
        case _:
            return {"X-Gitea-Event": event, "X-Gitea-Delivery": delivery, "X-Gitea-Signature": signature}


class StandIn:
    """Answers as the hosts' APIs do for statuses and comments, and keeps what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, Any], str]] = []
        self.app = Starlette(routes=[Route("/{path:path}", self.take, methods=["POST", "PATCH", "PUT"])])

    async def take(self, request: Request) -> Response:
        token = request.headers.get("authorization") or request.headers.get("private-token") or ""
        self.calls.append((request.method, request.url.path, await request.json(), token))
        return JSONResponse({"id": 99}, status_code=201)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[StandIn, str]]:
    monkeypatch.setenv("GOLIVE_ALLOW_PRIVATE", "127.0.0.0/8")
    made = StandIn()
    with Hosted(made.app) as hosted:
        yield made, hosted.url


@pytest.fixture(params=["github", "gitlab", "gitea"])
def source(request: pytest.FixtureRequest, project: Project, repository: Path, stand_in: tuple[StandIn, str]) -> Source:
    secrets.put("GIT_WEBHOOK", SECRET)
    secrets.put("GIT_TOKEN", "tok-123456")
    webhooks._rate._buckets.clear()
    return Source.objects.create(
        project=project,
        host=request.param,
        repository="ada/shop",
        url=f"file://{repository}",
        api=stand_in[1],
        webhook_secret="secret:GIT_WEBHOOK",
        token="secret:GIT_TOKEN",
    )


def deliver(source: Source, payload: dict[str, Any], event: str = "push", **more: Any) -> Any:
    body = json.dumps(payload).encode()
    sent = headers(source.host, body, event, **more)
    return Client().post("/hooks/git/shop/", body, content_type="application/json", headers=sent)


def work() -> list[Run | None]:
    """What the jobs process does with deliveries."""
    return [fetching.act(one) for one in Delivery.objects.filter(outcome="").select_related("source__project")]


PIPELINE = '[pipeline.lint]\nrun = "true"'


@threads
def test_a_push_begins_a_run_once(source: Source, commit: Commit) -> None:
    tip = commit(PIPELINE)
    assert deliver(source, push(source.host, tip)).status_code == 202
    again = deliver(source, push(source.host, tip))
    assert (again.status_code, again.json()["taken"]) == (200, False), "the same delivery"
    replay = deliver(source, push(source.host, tip), delivery="another-id")
    assert replay.json()["taken"] is False, "the id of a delivery is not signed: the same body counts once"
    assert Job.objects.filter(kind="pipeline.fetch").count() == 1
    (run,) = work()
    assert run is not None
    assert (run.commit, run.trigger, run.fork) == (tip, "push", False)
    assert engine.execute(run)[0] is State.PASSED


def test_an_old_push_begins_nothing(source: Source, commit: Commit) -> None:
    old = commit(PIPELINE)
    commit(PIPELINE, message="newer")
    deliver(source, push(source.host, old))
    assert work() == [None]
    assert "nothing is begun" in Delivery.objects.get().outcome


@pytest.mark.parametrize(
    "how", ["forged", "unsigned", "truncated", "huge", "other repository", "no JSON", "wrong secret"]
)
def test_what_is_not_a_delivery_is_refused(source: Source, commit: Commit, how: str) -> None:
    body = json.dumps(push(source.host, commit(PIPELINE))).encode()
    sent = headers(source.host, body)
    status = 401
    match how:
        case "forged":
            sent = headers(source.host, body, good=False)
        case "unsigned":
            sent = {key: value for key, value in sent.items() if "ignature" not in key and "Token" not in key}
        case "truncated":
            body = body[:-10]
            status = 400 if source.host == "gitlab" else 401
        case "huge":
            body, status = b"x" * (webhooks.LARGEST_BODY + 1), 413
        case "other repository":
            body = body.replace(b"ada/shop", b"eve/evil")
            sent, status = headers(source.host, body), 400
        case "no JSON":
            body = b"payload=1"
            sent, status = headers(source.host, body), 400
        case "wrong secret":
            secrets.put("GIT_WEBHOOK", "rotated")
    answer = Client().post("/hooks/git/shop/", body, content_type="application/json", headers=sent)
    assert answer.status_code == status, answer.content
    assert not Delivery.objects.exists()
    assert not Job.objects.exists()


def test_a_forks_pull_request_waits_for_approval(source: Source, repository: Path, commit: Commit) -> None:
    tip = commit(PIPELINE)
    ref = "refs/merge-requests/7/head" if source.host == "gitlab" else "refs/pull/7/head"
    git(repository, "update-ref", ref, tip)
    assert deliver(source, asked(source.host, tip, fork=True), "pull_request").status_code == 202
    (run,) = work()
    assert run is not None
    assert (run.fork, run.state, run.pull_request) == (True, State.WAITING, "7")
    assert not Job.objects.filter(kind="pipeline").exists()
    assert engine.approve(run, "ada")
    assert not engine.approve(run, "ada"), "once"
    assert Job.objects.filter(kind="pipeline").count() == 1


def test_a_closed_pull_request_ends_its_runs(source: Source, repository: Path, commit: Commit) -> None:
    tip = commit(PIPELINE)
    ref = "refs/merge-requests/7/head" if source.host == "gitlab" else "refs/pull/7/head"
    git(repository, "update-ref", ref, tip)
    deliver(source, asked(source.host, tip), "pull_request")
    (run,) = work()
    action = "close" if source.host == "gitlab" else "closed"
    deliver(source, asked(source.host, tip, action=action), "pull_request", delivery="d2")
    work()
    assert run is not None
    run.refresh_from_db()
    assert (run.state, run.reason) == (State.CANCELLED, "the pull request was closed")


@threads
def test_the_host_is_told_by_status_and_one_comment(
    source: Source, stand_in: tuple[StandIn, str], repository: Path, commit: Commit
) -> None:
    tip = commit(PIPELINE)
    ref = "refs/merge-requests/7/head" if source.host == "gitlab" else "refs/pull/7/head"
    git(repository, "update-ref", ref, tip)
    deliver(source, asked(source.host, tip), "pull_request")
    (run,) = work()
    assert run is not None
    engine.execute(run, reporting.Reporter(run))
    calls = stand_in[0].calls
    assert {token for *_, token in calls} <= {"Bearer tok-123456", "tok-123456", "token tok-123456"}
    states = [body["state"] for method, path, body, _ in calls if "statuses" in path]
    assert states == (["running", "success"] if source.host == "gitlab" else ["pending", "success"])
    comments = [(method, body["body"]) for method, path, body, _ in calls if "comments" in path or "notes" in path]
    assert [method for method, _ in comments] == ["POST", "PUT" if source.host == "gitlab" else "PATCH"]
    assert "| lint | passed" in comments[-1][1]
    assert Comment.objects.get().identity == "99"


@threads
def test_a_host_that_is_away_stops_no_run(source: Source, commit: Commit) -> None:
    Source.objects.update(api="http://127.0.0.1:9")
    tip = commit(PIPELINE)
    deliver(source, push(source.host, tip))
    (run,) = work()
    assert run is not None
    reporter = reporting.Reporter(run)
    assert engine.execute(run, reporter)[0] is State.PASSED
    assert "could not be told" in reporter.problem


def test_newer_pushes_cancel_older_runs(source: Source, commit: Commit) -> None:
    deliver(source, push(source.host, commit(PIPELINE)))
    (first,) = work()
    deliver(source, push(source.host, commit(PIPELINE, message="two")), delivery="d2")
    (second,) = work()
    assert first is not None
    assert second is not None
    first.refresh_from_db()
    assert (first.state, first.reason) == (State.CANCELLED, f"a newer push began #{second.number}")
    assert Run.objects.get(pk=second.pk).state == State.WAITING
    assert timezone.now() > second.created_at

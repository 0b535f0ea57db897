"""GitLab. Deliveries carry the secret itself, not a signature; https://docs.gitlab.com/user/project/integrations/webhooks."""

import hmac
from typing import Any
from urllib.parse import quote

from golive.pipelines.hosts.host import Call, Event, Happened, Headers, Host, Status, is_commit, text

OPENED = ("open", "update", "reopen")
STATES = {"failure": "failed", "error": "failed", "pending": "running", "success": "success"}


def verified(headers: Headers, body: bytes, secret: str) -> bool:
    return bool(secret) and hmac.compare_digest(headers.get("X-Gitlab-Token", "").encode(), secret.encode())


def event(headers: Headers, body: Any) -> Event | None:
    kind, repository = text(body, "object_kind"), text(body, "project", "path_with_namespace")
    if kind == "push":
        ref, commit = text(body, "ref"), text(body, "after")
        if not ref.startswith("refs/heads/") or not is_commit(commit):
            return None
        return Event(
            Happened.PUSH, ref.removeprefix("refs/heads/"), commit, ref, repository, by=text(body, "user_username")
        )
    if kind != "merge_request":
        return None
    about = body.get("object_attributes")
    number, commit, action = text(about, "iid"), text(about, "last_commit", "id"), text(about, "action")
    if not number.isdigit() or not is_commit(commit) or action not in (*OPENED, "close", "merge"):
        return None
    happened = Happened.PULL_REQUEST if action in OPENED else Happened.CLOSED
    fork = text(about, "source_project_id") != text(about, "target_project_id") or not text(about, "source_project_id")
    ref = f"refs/merge-requests/{number}/head"
    return Event(happened, f"pr/{number}", commit, ref, repository, number, fork, text(body, "user", "username"))


def status(repository: str, told: Status) -> Call:
    body = {"state": STATES[told.state], "description": told.text[:255], "target_url": told.link, "name": "golive"}
    return Call("POST", f"/projects/{quote(repository, safe='')}/statuses/{told.commit}", body)


def comment(repository: str, number: str, words: str) -> Call:
    return Call("POST", f"/projects/{quote(repository, safe='')}/merge_requests/{number}/notes", {"body": words})


def changed_comment(repository: str, number: str, comment_id: str, words: str) -> Call:
    path = f"/projects/{quote(repository, safe='')}/merge_requests/{number}/notes/{comment_id}"
    return Call("PUT", path, {"body": words})


GITLAB = Host(
    "gitlab",
    "https://gitlab.com/api/v4",
    verified,
    lambda headers: headers.get("Idempotency-Key") or headers.get("X-Gitlab-Event-UUID", ""),
    event,
    lambda token: ("PRIVATE-TOKEN", token),
    status,
    comment,
    changed_comment,
)

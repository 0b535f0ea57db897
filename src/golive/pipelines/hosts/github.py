"""GitHub. Deliveries are signed over the raw body; https://docs.github.com/en/webhooks and the REST API."""

from typing import Any

from golive.pipelines.hosts.host import Call, Event, Happened, Headers, Host, Status, is_commit, signed, text

OPENED = ("opened", "synchronize", "reopened")


def verified(headers: Headers, body: bytes, secret: str) -> bool:
    scheme, _, signature = headers.get("X-Hub-Signature-256", "").partition("=")
    return scheme == "sha256" and signed(body, secret, signature)


def event(headers: Headers, body: Any) -> Event | None:
    return read(headers.get("X-GitHub-Event", ""), body)


def read(kind: str, body: Any) -> Event | None:
    """An event as GitHub and Gitea tell it; None for what golive does not act on."""
    repository = text(body, "repository", "full_name")
    if kind == "push":
        ref, commit = text(body, "ref"), text(body, "after")
        if not ref.startswith("refs/heads/") or not is_commit(commit):
            return None
        by = text(body, "pusher", "name") or text(body, "pusher", "login")
        return Event(Happened.PUSH, ref.removeprefix("refs/heads/"), commit, ref, repository, by=by)
    if kind != "pull_request":
        return None
    action, number = text(body, "action"), text(body, "number")
    commit = text(body, "pull_request", "head", "sha")
    if not number.isdigit() or not is_commit(commit):
        return None
    from_repository = text(body, "pull_request", "head", "repo", "full_name")
    happened = Happened.CLOSED if action == "closed" else Happened.PULL_REQUEST
    if happened is Happened.PULL_REQUEST and action not in (*OPENED, "synchronized"):
        return None
    return Event(
        happened,
        f"pr/{number}",
        commit,
        f"refs/pull/{number}/head",
        repository,
        number,
        fork=from_repository != text(body, "pull_request", "base", "repo", "full_name") or not from_repository,
        by=text(body, "sender", "login"),
    )


def status(repository: str, told: Status) -> Call:
    body = {"state": told.state, "description": told.text[:140], "target_url": told.link, "context": "golive"}
    return Call("POST", f"/repos/{repository}/statuses/{told.commit}", body)


def comment(repository: str, number: str, words: str) -> Call:
    return Call("POST", f"/repos/{repository}/issues/{number}/comments", {"body": words})


def changed_comment(repository: str, number: str, comment_id: str, words: str) -> Call:
    return Call("PATCH", f"/repos/{repository}/issues/comments/{comment_id}", {"body": words})


def deployment(repository: str, commit: str, environment: str, words: str) -> Call:
    body: dict[str, Any] = {"ref": commit, "environment": environment, "description": words[:140]}
    body |= {"auto_merge": False, "required_contexts": []}
    return Call("POST", f"/repos/{repository}/deployments", body)


GITHUB = Host(
    "github",
    "https://api.github.com",
    verified,
    lambda headers: headers.get("X-GitHub-Delivery", ""),
    event,
    lambda token: ("Authorization", f"Bearer {token}"),
    status,
    comment,
    changed_comment,
    deployment,
)

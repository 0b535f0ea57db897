"""What a webhook's delivery begins: the commit is fetched from its host, and a run is made of it."""

import base64
import os
import subprocess

from golive.jobs.kinds import JobError
from golive.people import secrets
from golive.pipelines import deploys, engine, remote
from golive.pipelines.hosts.host import Event, Happened
from golive.pipelines.models import Delivery, Run, Source, Trigger
from golive.pipelines.outcome import State
from golive.pipelines.tree import Repository, TreeError

FETCH_SECONDS = 300


def act(delivery: Delivery) -> Run | None:
    """Fetch and begin; says in the delivery what came of it. Raises JobError when fetching is refused."""
    source = delivery.source
    event = Event(**{**delivery.event, "happened": Happened(delivery.event["happened"])})
    made, said = _begun(source, event)
    Delivery.objects.filter(pk=delivery.pk).update(outcome=said[:300])
    return made


def _begun(source: Source, event: Event) -> tuple[Run | None, str]:
    project, ref = source.project, f"refs/heads/{event.branch}"
    if event.happened is Happened.CLOSED:
        over = [state for state in State if state.ended]
        for run in Run.objects.filter(project=project, ref=ref).exclude(state__in=over):
            engine.cancel(run, "the pull request was closed")
        deploys.over(project, event.number, event.by or source.host)
        return None, "the pull request was closed"
    mirror = Repository(remote.ensure(project))
    local = f"refs/golive/{event.branch}" if event.number else ref
    _fetch(source, mirror, f"+{event.fetch}:{local}")
    tip = mirror.git("rev-parse", "--verify", f"{local}^{{commit}}")
    if tip != event.commit:
        return None, f"{event.branch} is at {tip[:10]} by now: nothing is begun for {event.commit[:10]}"
    tree = mirror.tree_of(tip)
    stages = remote.FOR_PULL_REQUESTS if event.number else remote.stages_of(project, _canonical(event, source), tree)
    run = engine.create(
        project,
        mirror,
        Trigger.PULL_REQUEST if event.number else Trigger.PUSH,
        tree,
        stages,
        event.by or source.host,
        commit=tip,
        ref=ref,
        pull_request=event.number,
        fork=event.fork,
    )
    engine.supersede(run)
    if event.fork:
        return run, f"#{run.number} waits for approval: it comes from a fork"
    engine.enqueue(run)
    return run, f"#{run.number}"


def _canonical(event: Event, source: Source) -> str:
    return remote.MAIN if event.branch == source.main else event.branch if event.branch != remote.MAIN else "other"


def _fetch(source: Source, mirror: Repository, refspec: str) -> None:
    """The token goes by the environment: arguments of a process are there for everybody to read."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_CONFIG")}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "https:ssh:file"}
    if source.token and source.url.startswith("https://"):
        pair = base64.b64encode(f"x-access-token:{secrets.resolve(source.token)}".encode()).decode()
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {pair}",
        }
    words = ["git", "--git-dir", str(mirror.git_dir), "fetch", "--quiet", "--no-tags", "--end-of-options"]
    try:
        done = subprocess.run(
            [*words, source.url, refspec],
            env=environment,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TreeError(f"{source.url} could not be fetched in {FETCH_SECONDS} s") from error
    if done.returncode:
        raise JobError(f"{source.url} could not be fetched: {done.stderr.strip()[-300:]}")

"""A run from asking to end: planned from its commit, carried out, written down; newer ones cancel older ones."""

import hashlib
import hmac
import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from django.db import Error, close_old_connections
from django.utils import timezone

from golive.config.reader import ConfigError
from golive.jobs import queue
from golive.kit.folders import data_folder, kept_secret
from golive.people import secrets
from golive.people.models import Project
from golive.pipelines import definition, deploys, flaky, isolate, logs, record, work
from golive.pipelines.cache import Cache
from golive.pipelines.cellwork import Settings
from golive.pipelines.definition import Definition
from golive.pipelines.listener import Listener, Listeners
from golive.pipelines.models import Run, Trigger
from golive.pipelines.outcome import State
from golive.pipelines.plan import Plan, Wish, plan
from golive.pipelines.runner import Identity, Runner
from golive.pipelines.stages import Stage
from golive.pipelines.tree import Repository, TreeError

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
NOT_DEPLOYED = "a stranger's code is tested, but not deployed"
STRANGERS = (
    "Nothing here can hold a stranger's code apart from golive's data: install bubblewrap, or run golive as root with "
    "setpriv; then run it again."
)


def cache_of(project: str) -> Cache:
    """The project's cache of results."""
    return Cache(data_folder() / "pipelines" / "cache" / project)


def planned(said: Definition, repository: Repository, tree: str, wish: Wish, project: Project | None) -> Plan:
    """The plan of a tree, with what is known of the project's tests."""
    section = said.pipeline
    acting = {stage for stage in wish.stages if not (given := section.root.get(stage)) or not given.does}
    why_not = {**deploys.missing(acting, deploys=said.deploys), **wish.why_not}
    durations = record.durations(project) if project else {}
    wish = Wish(wish.stages, wish.trusted, why_not, wish.only)
    return plan(section, repository.files(tree), wish, tree=tree, durations=durations)


def create(
    project: Project,
    repository: Repository,
    trigger: Trigger,
    tree: str,
    stages: list[Stage],
    requested_by: str,
    *,
    commit: str = "",
    ref: str = "",
    pull_request: str = "",
    fork: bool = False,
    only: bool = False,
    fresh: bool = False,
) -> Run:
    """Write down that a run is wanted."""
    about = _about(repository, commit)
    return record.create(
        project,
        trigger=trigger,
        git_dir=str(repository.git_dir),
        below=repository.below,
        ref=ref,
        commit=commit,
        tree=tree,
        pull_request=pull_request,
        fork=fork,
        requested_by=requested_by,
        stages=[str(stage) for stage in stages],
        only=only,
        fresh=fresh,
        **about,
    )


def _about(repository: Repository, commit: str) -> dict[str, object]:
    if not commit:
        return {}
    try:
        shown = repository.git("show", "--no-patch", "--format=%ct%x00%an%x00%s", "--end-of-options", commit)
    except TreeError:
        return {}
    when, author, title = [*shown.split("\0"), "", ""][:3]
    return {"committed_at": datetime.fromtimestamp(int(when), UTC), "author": author[:200], "title": title[:300]}


def enqueue(run: Run) -> None:
    """Let the jobs process carry it out; older runs of the same branch that are not over are cancelled."""
    supersede(run)
    job = queue.enqueue(
        "pipeline",
        {"run": run.pk},
        now=timezone.now(),
        subject=f"{run.project.slug} #{run.number}",
        requested_by=run.requested_by,
    )
    run.job_id = job.pk
    run.save(update_fields=["job_id"])


def supersede(run: Run) -> int:
    """Cancel what an older push to the same branch began; how many."""
    if not run.ref:
        return 0
    over = [state for state in State if state.ended]
    older = Run.objects.filter(project=run.project, ref=run.ref, number__lt=run.number).exclude(trigger=Trigger.LOCAL)
    found = list(older.exclude(state__in=over))
    for one in found:
        cancel(one, f"a newer push began #{run.number}")
    return len(found)


def cancel(run: Run, reason: str) -> bool:
    """Ask a run to stop; False when it is over."""
    if run.is_over:
        return False
    Run.objects.filter(pk=run.pk, cancel_reason="").update(cancel_reason=reason[:300])
    waiting = Run.objects.filter(pk=run.pk, state=State.WAITING)
    if waiting.update(state=State.CANCELLED, reason=reason[:1000], ended_at=timezone.now()) and run.job_id:
        queue.request_cancel(run.job_id, timezone.now())
    return True


def again(run: Run, by: str) -> Run:
    """Run the same files once more."""
    made = create(
        run.project,
        Repository(Path(run.git_dir), run.below),
        Trigger(run.trigger),
        run.tree,
        [Stage(name) for name in run.stages],
        by,
        commit=run.commit,
        ref=run.ref,
        pull_request=run.pull_request,
        fork=run.fork,
        only=run.only,
    )
    Run.objects.filter(pk=made.pk).update(approved_by=by if run.fork else "")
    enqueue(made)
    return made


def approve(run: Run, by: str) -> bool:
    """Let a fork's pull request run; False when there is nothing to approve."""
    waiting = Run.objects.filter(pk=run.pk, fork=True, approved_by="", state=State.WAITING)
    if not waiting.update(approved_by=by[:200]):
        return False
    run.refresh_from_db()
    enqueue(run)
    return True


def execute(run: Run, *listeners: Listener) -> tuple[State, str]:
    """Carry a run out, from the main thread: it ends in order on SIGTERM and SIGINT, and when its row says so."""
    if run.is_over:
        return State(run.state), run.reason
    level = isolate.best()
    repository = Repository(Path(run.git_dir), run.below)
    place = logs.folder(run.project.slug, run.number)
    trusted = not run.fork
    try:
        if run.fork and not level.holds_strangers:
            raise TreeError(STRANGERS)
        said = definition.read(repository, run.tree)
        kept_back = {} if trusted else {Stage.PREVIEW: NOT_DEPLOYED}
        wish = Wish([Stage(name) for name in run.stages], trusted, kept_back, only=run.only)
        steps = planned(said, repository, run.tree, wish, run.project)
    except (ConfigError, TreeError) as error:
        return _refused(run, str(error))
    recorder = record.Recorder(run, logs.Writer(place))
    room = work.Place()
    settings = Settings(
        project=run.project.slug,
        repository=repository,
        tree=run.tree,
        cache=cache_of(f"{run.project.slug}-strangers" if run.fork else run.project.slug),
        level=level,
        place=room,
        trusted=trusted,
        fresh=run.fresh,
        secret=secrets.get,
        secret_mark=_mark,
        artifacts=place / "artifacts",
        run=f"#{run.number}",
    )
    runner = Runner(
        steps,
        settings,
        Listeners(recorder, *listeners),
        identity=Identity(run.commit, run.ref, run.pull_request),
        actions=deploys.Delivery(run.requested_by).actions(),
        excused=flaky.excused(run.project, timezone.now()),
        logs=place,
    )
    try:
        with _stoppable(runner), _watched(run, runner):
            return runner.run()
    finally:
        room.close()


def _refused(run: Run, reason: str) -> tuple[State, str]:
    now = timezone.now()
    run.state, run.reason, run.began_at, run.ended_at, run.seconds = State.FAILED, reason[:1000], now, now, 0.0
    run.save(update_fields=["state", "reason", "began_at", "ended_at", "seconds"])
    return State.FAILED, reason


def _mark(name: str) -> str:
    """Changes when the secret's value does, and tells nothing of it to who lacks this install's key."""
    key = kept_secret("pipeline-cache").encode()
    return hmac.new(key, secrets.get(name).encode(), hashlib.sha256).hexdigest()


@contextmanager
def _stoppable(runner: Runner) -> Iterator[None]:
    """SIGTERM and SIGINT cancel the run instead of leaving its processes behind."""

    def ask(number: int, frame: FrameType | None) -> None:
        runner.cancel("stopped by hand" if number == signal.SIGINT else "golive is stopping")

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def sign_of_life(run: Run) -> str:
    """Say in its row that a run goes on; why it shall not, when somebody said so there."""
    Run.objects.filter(pk=run.pk).update(alive_at=timezone.now())
    return Run.objects.filter(pk=run.pk).values_list("cancel_reason", flat=True).first() or ""


@contextmanager
def _watched(run: Run, runner: Runner) -> Iterator[None]:
    """Show a sign of life in the run's row, and stop when the row says so."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            try:
                if reason := sign_of_life(run):
                    runner.cancel(reason)
            except Error as error:  # a database that is busy for once must not leave a run that nobody can cancel
                log.warning("the row of %s cannot be reached; trying again: %s", run, error)
                close_old_connections()
        close_old_connections()

    watcher = threading.Thread(target=look, name="watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()

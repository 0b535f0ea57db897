"""Following a run from outside: what its steps say, and how they end."""

import time
from collections.abc import Callable

from golive.pipelines import logs, terminal
from golive.pipelines.models import Run, RunStep
from golive.pipelines.outcome import State

LOOK_SECONDS = 0.3
Write = Callable[[str, str], None]


def watch(run: Run, write: Write, *, follow: bool = True, only: str | None = None) -> None:
    """Pass on what steps say, live; returns when the run is over (or at once without `follow`)."""
    tails: dict[str, logs.Tail] = {}
    told_of: set[str] = set()
    while True:
        run.refresh_from_db()
        over = run.is_over
        for row in RunStep.objects.filter(run=run):
            if only and row.name.split("#")[0] != only and row.name != only:
                continue
            place = logs.folder(run.project.slug, run.number) / f"{row.name}.log"
            for line in tails.setdefault(row.name, logs.Tail(place)).more():
                write(f"{row.name:<12} │ {line}", "")
            if State(row.state).ended and row.name not in told_of:
                told_of.add(row.name)
                spent = f" in {terminal.took(row.seconds)}" if row.run_seconds else ""
                why = f" · {row.reason}" if row.reason else ""
                write(f"{row.name:<12} ┃ {row.state}{spent}{why}", terminal.STYLES.get(State(row.state), "dim"))
        if over or not follow:
            return
        time.sleep(LOOK_SECONDS)

"""A deploy as data: what will be done, in which order, and whether it may be skipped. Nothing here does anything."""

from collections.abc import Sequence
from dataclasses import dataclass

from golive.kit.durations import format_duration
from golive.releases.settings import DeploySection

SWITCHED = "switch"  # from this step on, the new release takes requests


@dataclass(frozen=True)
class Step:
    """One step; `does` says it in words or as the command line that will run. `skip` is why it has nothing to do."""

    name: str
    title: str
    does: str
    skip: str = ""


@dataclass(frozen=True)
class Facts:
    """What the plan depends on beside the release's settings."""

    release: str
    previous: str
    environment: str
    rollback: bool = False
    warm: bool = False
    canary: int = 0
    gates: Sequence[str] = ()
    preview: bool = False


def plan(settings: DeploySection, facts: Facts) -> list[Step]:
    """The steps of one deploy."""
    back = "a rollback runs no migration" if facts.rollback else ""
    none = "" if settings.release else "[deploy] release names no command"
    blind = none or ("" if settings.database else "[deploy] database names no variable")
    own = "previews have no database of their own" if facts.preview and not settings.previews.template else ""
    warm = f"{facts.release} still runs" if facts.warm else ""
    old = facts.previous or "nothing"
    number = sum(1 if facts.preview else one.count for one in settings.processes.values())
    watch = format_duration(settings.watch)
    smoke = f", {len(settings.smoke)} smoke tests" if settings.smoke else ""
    unwatched = "a rollback is watched by the rules" if facts.rollback else ""
    return [
        Step("gates", "Ask whether it may begin", ", ".join(facts.gates) or "no gate is registered", back),
        Step("push", "Bring the build there", "; ".join(settings.command.push) or "the build is on this host"),
        Step(
            "rehearse",
            "Rehearse the migration",
            "on a copy of the schema, with squawk and its locks",
            back or blind or own,
        ),
        Step("migrate", "Migrate", settings.release, back or none),
        Step("start", "Start beside the old", _starts(settings, number), warm),
        Step("health", "Wait until healthy", f"{settings.healthy} answers in a row of {settings.health}"),
        *([Step("canary", "Try it on some", f"{facts.canary} % of requests for {watch}")] if facts.canary else []),
        Step(SWITCHED, "Switch", f"all requests from {old} to {facts.release}"),
        Step("verify", "Watch it", f"health, errors and latency against {old} for {watch}{smoke}", unwatched),
        Step("settle", "Settle", f"{old} stays warm for {format_duration(settings.warm)}"),
    ]


def _starts(settings: DeploySection, number: int) -> str:
    if settings.target == "command":
        return "; ".join(settings.command.start)
    return f"{number} process{'es' if number != 1 else ''}: " + ", ".join(sorted(settings.processes))

"""Onboarding: a fresh account completes each step, and one tracking event per step reaches golive."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from golive.readiness.asking import until
from golive.readiness.inputs import of_target, short
from golive.readiness.item import Area, Item, Subject
from golive.readiness.journeyed import controls as journey_controls
from golive.readiness.journeyed import examine_proofs
from golive.readiness.planted import judged
from golive.readiness.routes import SQL
from golive.readiness.verdict import CannotTell, Control, Report
from golive.telemetry import store
from golive.telemetry.store import StoreError

PATIENCE = timedelta(seconds=30)
Events = Callable[[], Mapping[str, int]]


class OnboardingSettings(BaseModel):
    """The onboarding checklist."""

    model_config = ConfigDict(extra="forbid")
    proves: list[str] = ["onboarding.steps"]
    """What journeys must prove: a fresh account goes through all steps once."""
    events: list[str] = []
    """The tracking event of each step, such as "onboarding.project_created"."""


def examine_events(steps: Sequence[str], before: Mapping[str, int], after: Events, patience: timedelta) -> Report:
    """Exactly one event more for each step."""
    report = Report(expected=len(steps))
    until(lambda: all(after().get(step, 0) > before.get(step, 0) for step in steps), patience)
    now = after()
    for step in steps:
        report.examined += 1
        count = now.get(step, 0) - before.get(step, 0)
        if count == 0:
            report.convict(step, f"one account went through the step, but no event {step} reached golive")
        elif count > 1:
            report.convict(step, f"one account went through the step once, but {count} events {step} reached golive")
    report.facts["events"] = {step: now.get(step, 0) - before.get(step, 0) for step in steps}
    return report


def examine(subject: Subject) -> Report:
    wanted = subject.settings("onboarding", OnboardingSettings)
    if not wanted.events:
        raise CannotTell(
            "events", "the events of the onboarding steps are not declared", "set [readiness.onboarding] events"
        )
    since = int(time.time()) - 1

    def seen() -> Mapping[str, int]:
        try:
            rows = store.rows(SQL["events_of"], project=subject.project, since=since, names=wanted.events)
        except StoreError as error:
            raise CannotTell("events", f"golive's own store cannot be asked ({error})", "golive up") from error
        return {row["event_name"]: int(row["events"]) for row in rows}

    before = seen()
    report = examine_proofs(subject, wanted.proves)
    if not report.findings and not report.doubts:
        report.absorb(examine_events(wanted.events, before, seen, PATIENCE))
    return report


def controls() -> list[Control]:
    steps, brief = ["a", "b"], timedelta()
    return [
        *journey_controls(),
        judged("a step without an event", True, lambda: examine_events(steps, {}, lambda: {"a": 1}, brief)),
        judged("a step that counts twice", True, lambda: examine_events(steps, {}, lambda: {"a": 1, "b": 2}, brief)),
        judged(
            "one event for each step", False, lambda: examine_events(steps, {"a": 4}, lambda: {"a": 5, "b": 1}, brief)
        ),
    ]


ITEM = Item(
    key="onboarding",
    order=13,
    area=Area.LAUNCH,
    title="Onboarding functional and tracked",
    question="Does a new account find its first steps, and do we see where people stop?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: {
        **of_target(subject, "onboarding", "journeys", "journeys_environment"),
        "commit": short(subject.commit),
    },
    changes=True,
    alone=True,  # other journeys' accounts would be counted too
    settings=OnboardingSettings,
)

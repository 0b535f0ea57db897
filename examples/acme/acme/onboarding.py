"""The first steps of a new team: what is done is counted once per account and told to the business."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from acme.models import OnboardingStep, User
from acme.telemetry.events import tell


class Step(StrEnum):
    """In the order in which a team usually takes them; the value is the event's name."""

    CONFIRMED = "onboarding.address_confirmed"
    PROJECT = "onboarding.project_created"
    TASK = "onboarding.task_created"
    INVITED = "onboarding.colleague_invited"


@dataclass(frozen=True)
class Shown:
    """A step on the list."""

    step: Step
    label: str
    link: str
    done: bool


_LABELS = {
    Step.CONFIRMED: ("Confirm your address", "/app"),
    Step.PROJECT: ("Make your first project", "/app"),
    Step.TASK: ("Write down a task", "/app"),
    Step.INVITED: ("Invite a colleague", "/team"),
}


def reach(db: Session, user: User, step: Step) -> bool:
    """Count a step; only the first time tells the business."""
    row = insert(OnboardingStep).values(account_id=user.account_id, step=step.value)
    first = db.execute(row.on_conflict_do_nothing().returning(OnboardingStep.step)).first() is not None
    db.commit()
    if first:
        tell(step.value, user)
    return first


def progress(db: Session, account_id: int) -> list[Shown]:
    """All steps with what is done."""
    done = set(db.scalars(select(OnboardingStep.step).where(OnboardingStep.account_id == account_id)))
    return [Shown(step, *_LABELS[step], done=step.value in done) for step in Step]

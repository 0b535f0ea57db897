"""The review's verbs: write, freeze the numbers, actions, done; and what happens when it is overdue."""

import logging
from collections.abc import Mapping
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from golive.alerts.models import Severity
from golive.incidents import impact, moves, nudges, proofs
from golive.incidents.clocks import REVIEW_TARGET
from golive.incidents.lifecycle import IllegalTransition, State
from golive.incidents.models import ActionItem, Incident, Review
from golive.incidents.postmortem.content import ASKED, PROMPTS
from golive.notify.models import Urgency
from golive.notify.outbox import Content
from golive.notify.route import to_channels, to_person
from golive.oncall.plan import address
from golive.people import audit
from golive.telemetry.store import StoreError

log = logging.getLogger(__name__)


class ReviewError(Exception):
    """The review cannot be changed so; the message says why."""


def of(incident: Incident) -> Review:
    """The incident's review; made for those that are older than reviews."""
    return Review.objects.select_related("incident__project").get_or_create(incident=incident)[0]


def write(review: Review, texts: Mapping[str, str], by: str, at: datetime) -> None:
    """Keep what people wrote; only the parts that are given."""
    kept = {name: texts[name].strip() for name in (*PROMPTS, "nothing_to_do") if name in texts}
    for name, text in kept.items():
        setattr(review, name, text)
    review.changed_at, review.changed_by = at, by
    review.save(update_fields=[*kept, "changed_at", "changed_by"])
    audit.record(by, "review.write", f"#{review.incident.number}", project=review.incident.project)


def freeze(review: Review, now: datetime) -> bool:
    """Keep the numbers and curves as the store knows them now; False while it is away."""
    try:
        review.impact = impact.measure(review.incident, now).plain()
        review.curves = impact.curve(review.incident, now)
    except StoreError as error:
        log.warning("the numbers of %s are not there: %s", review.incident, error)
        return False
    review.save(update_fields=["impact", "curves"])
    return True


def add_action(review: Review, text: str, owner: str, due: date, proof: str, by: str) -> ActionItem:
    """Write down what changes. Raises ReviewError."""
    if not text.strip():
        raise ReviewError("Say what changes.")
    try:
        owner = address(owner)
    except ValueError as error:
        raise ReviewError(f"An action needs an owner: {error}.") from None
    if wrong := proofs.problem(proof.strip()):
        raise ReviewError(wrong)
    made = ActionItem.objects.create(
        review=review, text=text.strip()[:300], owner=owner, due=due, proof=proof.strip()[:300]
    )
    audit.record(by, "review.action", f"#{review.incident.number}", project=review.incident.project, text=made.text)
    return made


def finish(action: ActionItem, proof: str, by: str, at: datetime) -> None:
    """It is done, and this shows it. Raises ReviewError without a proof, or with one that fails."""
    proof = proof.strip() or action.proof
    if wrong := proofs.problem(proof) or ("" if proof else "Name the check, rule or issue that proves it."):
        raise ReviewError(wrong)
    found = proofs.judge(action.review, proof)
    if found.state == "firing" or "does not exist" in found.words:
        raise ReviewError(f"Not proved: {found.words}.")
    action.proof, action.done_at, action.done_by = proof[:300], at, by
    action.save(update_fields=["proof", "done_at", "done_by"])
    project = action.review.incident.project
    audit.record(by, "review.action.done", f"#{action.review.incident.number}", project=project, text=action.text)


def lacking(review: Review) -> str:
    """What the review still needs; empty when it is complete."""
    missing = [PROMPTS[name][0].lower() for name in ASKED if not getattr(review, name).strip()]
    if not review.nothing_to_do.strip() and not review.actions.exists():
        missing.append("an action, or why none is needed")
    return ", ".join(missing)


def complete(review: Review, by: str, at: datetime) -> Incident:
    """The review is done: the incident counts as reviewed. Raises ReviewError."""
    if missing := lacking(review):
        raise ReviewError(f"The review still lacks: {missing}.")
    try:
        return moves.review(review.incident, by, at)
    except IllegalTransition as error:
        raise ReviewError(f"{error} Resolve it first: cause and fix belong to the review.") from None


def remind(now: datetime) -> int:
    """Tell of reviews that are overdue, and of actions past their date; once each."""
    late = Incident.objects.filter(
        severity=Severity.CRITICAL,
        reviewed_at=None,
        mitigated_at__lte=now - REVIEW_TARGET,
        review__overdue_told_at=None,
        review__isnull=False,
    ).exclude(state=State.REVIEWED)
    told = sum(_tell_review(incident, now) for incident in late.select_related("project", "review"))
    items = ActionItem.objects.filter(done_at=None, due__lt=now.date(), overdue_told_at=None)
    return told + sum(_tell_action(item, now) for item in items.select_related("review__incident__project"))


def freeze_ended(now: datetime) -> None:
    """Freeze the numbers of incidents that ended a while ago, so that late telemetry has arrived."""
    ended = Incident.objects.filter(mitigated_at__lte=now - impact.AROUND, review__impact={})
    for incident in ended.filter(mitigated_at__gte=now - 20 * REVIEW_TARGET).select_related("project")[:20]:
        if not freeze(of(incident), now):
            return


def _tell_review(incident: Incident, now: datetime) -> int:
    text = (
        f"It was over {incident.mitigated_at:%d %b %H:%M} UTC; the review was due within 48 hours.\n\n"
        f"Write it: {_page(incident)}\n"
    )
    content = Content(
        f"[review overdue] {incident.project}: {incident.title}"[:250],
        text,
        event="review.overdue",
        data={"project": incident.project.slug, "number": incident.number, "url": _page(incident), "reason": text},
    )
    key = f"{incident.about}:review-overdue"
    with transaction.atomic():
        if Review.objects.filter(incident=incident, overdue_told_at=None).update(overdue_told_at=now) != 1:
            return 0
        to_channels(incident.project, content, key=key, urgency=Urgency.NORMAL, about=incident.about)
        if who := nudges.responsible(incident, now):
            to_person(incident.project, who, content, key=key, urgency=Urgency.NORMAL, about=incident.about)
    return 1


def _tell_action(item: ActionItem, now: datetime) -> int:
    incident = item.review.incident
    words = f"{item.text}\n\nIt was to be done by {item.due:%d %b %Y}, after {incident}.\n\n{_page(incident)}\n"
    subject = f"[action overdue] {incident.project}: {item.text}"[:250]
    content = Content(subject, words, event="action.overdue", data={"url": _page(incident), "reason": words})
    with transaction.atomic():
        if ActionItem.objects.filter(pk=item.pk, overdue_told_at=None).update(overdue_told_at=now) != 1:
            return 0
        key = f"action:{item.pk}:overdue"
        to_person(incident.project, item.owner, content, key=key, urgency=Urgency.NORMAL, about=incident.about)
    return 1


def _page(incident: Incident) -> str:
    return f"{incident.url}review/"


def remind_now() -> None:
    remind(timezone.now())


def freeze_now() -> None:
    freeze_ended(timezone.now())

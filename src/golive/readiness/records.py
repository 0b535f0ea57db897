"""Keeping proofs, chained by hash, and flipping when an item that passed does so no more."""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from golive.alerts import flips
from golive.alerts.models import Severity, State
from golive.people.models import Project
from golive.readiness.inputs import stale
from golive.readiness.item import Item, Subject
from golive.readiness.items import ITEMS
from golive.readiness.models import Proof, Standing
from golive.readiness.runner import Result, digest
from golive.readiness.verdict import Verdict

ORIGIN = "0" * 64
STATES = {Verdict.PASS: State.OK, Verdict.FAIL: State.FIRING, Verdict.UNKNOWN: State.UNKNOWN}


def keep(project: Project, result: Result) -> Proof:
    """Save a result as the newest proof of its item, and flip if the item's verdict changed for the worse or back."""
    document, concluded = result.document(), result.conclusion
    with transaction.atomic():
        before = Proof.objects.filter(project=project).order_by("-id").values_list("digest", flat=True).first()
        previous = before or ORIGIN
        proof = Proof.objects.create(
            project=project,
            item=result.item.key,
            place=result.subject.place,
            verdict=concluded.verdict,
            reason=concluded.reason,
            ended_at=result.ended_at,
            document=document,
            previous=previous,
            digest=digest(previous, document),
        )
        _stand(project, result.item, concluded.verdict, concluded.reason, result.ended_at)
    return proof


def _stand(project: Project, item: Item, verdict: Verdict, reason: str, at: datetime) -> None:
    passed = verdict is Verdict.PASS
    found = Standing.objects.filter(project=project, item=item.key).first()
    if found is None:
        try:
            with transaction.atomic():
                Standing.objects.create(project=project, item=item.key, verdict=verdict, passed_once=passed, since=at)
        except IntegrityError:  # another run was first
            return
        return
    if found.verdict == verdict:
        return
    changed = Standing.objects.filter(pk=found.pk, verdict=found.verdict).update(
        verdict=verdict, passed_once=found.passed_once or passed, since=at
    )
    if changed and found.passed_once:
        record_flip(project, item, Verdict(found.verdict), verdict, reason, at)


def record_flip(project: Project, item: Item, old: Verdict, new: Verdict, reason: str, at: datetime) -> None:
    """Only an item that has passed once can regress: a checklist that was never green is no incident."""
    titles = {
        Verdict.PASS: f"{item.title}: proved again",
        Verdict.FAIL: f"{item.title}: no longer holds",
        Verdict.UNKNOWN: f"{item.title}: can no longer be proved",
    }
    flips.record(
        project,
        f"readiness:{item.key}",
        title=titles[new],
        old=STATES[old],
        new=STATES[new],
        severity=Severity.WARNING,
        reason=reason,
        at=at,
        link=f"/p/{project.slug}/readiness/{item.key}/",
    )


@dataclass(frozen=True)
class Line:
    """How an item stands now: `word` is pass, fail or unknown; `stale` says why an old proof no longer counts."""

    item: Item
    proof: Proof | None
    stale: str

    @property
    def verdict(self) -> Verdict:
        if self.proof is None or self.stale:
            return Verdict.UNKNOWN
        return Verdict(self.proof.verdict)

    @property
    def reason(self) -> str:
        if self.proof is None:
            return "never examined"
        return f"{self.stale}; it said {self.proof.verdict}" if self.stale else self.proof.reason

    @property
    def next(self) -> str:
        """The next command to run."""
        if self.proof is not None and not self.stale:
            told = [doubt["next"] for doubt in self.proof.document.get("doubts", []) if doubt.get("next")]
            if self.verdict is Verdict.UNKNOWN and told:
                return str(told[0])
        return f"golive check {self.item.key}"

    @property
    def state(self) -> str:
        return {Verdict.PASS: "ok", Verdict.FAIL: "firing", Verdict.UNKNOWN: "unknown"}[self.verdict]


def newest(project: Project) -> dict[str, Proof]:
    """The newest proof of each item."""
    found: dict[str, Proof] = {}
    for item in ITEMS:
        proof = Proof.objects.filter(project=project, item=item).order_by("-id").first()
        if proof is not None:
            found[item] = proof
    return found


def line(item: Item, proof: Proof | None, subject: Subject, now: datetime) -> Line:
    """How an item stands, with what its proof rests on read again."""
    if proof is None:
        return Line(item, None, "")
    why = stale(proof.document["inputs"], item.inputs(subject), proof.ended_at, item.lasts, now)
    return Line(item, proof, why)

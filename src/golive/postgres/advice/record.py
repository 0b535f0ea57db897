"""The record of advice: predicted, proved on a copy, seen in production; and as a migration, without asking anew."""

from typing import Any

from django.db.models import Q

from golive.postgres.advice.migration import Step, kept
from golive.postgres.advice.models import Advice, AdviceRun, Stage
from golive.postgres.base import Database

SHOWN = ("kind", "name", "table", "stage", "reason", "predicted_ratio", "proved_before_ms", "proved_after_ms",
         "seen_before_ms", "seen_after_ms", "seen_at")  # fmt: skip


def record(database: Database, most: int = 50) -> list[Advice]:
    """What was advised, the newest first, each change once; the newest run's predictions with it."""
    newest = database.advice_runs.first()
    told = Advice.objects.filter(run__database=database).exclude(stage=Stage.REFUSED).select_related("run")
    told = told.filter(Q(stage__in=(Stage.PROVED, Stage.SEEN)) | Q(run=newest))
    found: dict[tuple[str, str, str], Advice] = {}
    for one in told.order_by("-id")[: most * 4]:
        known = found.setdefault((one.kind, one.table, one.name), one)
        if known.stage != Stage.SEEN and one.stage == Stage.SEEN:
            found[one.kind, one.table, one.name] = one
    return list(found.values())[:most]


def line(one: Advice) -> dict[str, Any]:
    """A change of the record for machines."""
    return {"asked": one.run.at, **{name: getattr(one, name) for name in SHOWN}}


def steps(run: AdviceRun) -> list[Step]:
    """The proved changes of a run, for a migration."""
    return [kept(one.kind, one.statement, one.undo) for one in run.advices.filter(stage=Stage.PROVED)]

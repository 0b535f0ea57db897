"""The weekly slow-query review: what costs most, what got slower since which deploy, what is wrong, what to do."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from golive.changes.models import Change, Kind
from golive.console import words
from golive.notify.outbox import Content, enqueue
from golive.people.models import Role, User
from golive.postgres.advice.models import Advice, Stage
from golive.postgres.look.history import SQL
from golive.postgres.look.models import PlanSample, Review, StatementText
from golive.postgres.look.plan import ReviewPlan
from golive.postgres.look.trend import Spent, arrived, slower
from golive.postgres.look.week import WEEK
from golive.postgres.look.whose import asked_by_people
from golive.postgres.models import Database
from golive.telemetry import store

TOP = 10
KEPT_IN_MIND = timedelta(days=60)


def content(database: Database, now: datetime) -> dict[str, Any]:
    """The review of the week that ends now. Raises StoreError."""
    texts = dict(StatementText.objects.filter(database=database).values_list("query_id", "text"))
    this, before = (
        {query_id: spent for query_id, spent in stretch.items() if asked_by_people(texts.get(query_id, ""))}
        for stretch in (_totals(database, now - WEEK, now), _totals(database, now - 2 * WEEK, now - WEEK))
    )
    costliest = sorted(this, key=lambda query_id: -this[query_id].total_ms)
    changes = Change.objects.filter(project=database.project, kind=Kind.DEPLOY, at__gte=now - 2 * WEEK, at__lt=now)
    deploys = [(change.at, change.title or change.release) for change in changes]
    intervals = _intervals(database, costliest[:200], now)
    late = slower(before, this, intervals, deploys, now - WEEK)
    new = arrived(before, this, intervals, deploys)
    ways = _ways(database, now)
    total = sum(spent.total_ms for spent in this.values())
    return {
        "total_ms": total,
        "statements": len(this),
        "deploys": sum(at >= now - WEEK for at, _ in deploys),
        "slower": [
            {
                "query_id": one.query_id,
                "text": _short(texts, one.query_id),
                "reason": one.reason,
                "extra_ms": one.extra_ms,
                "advice": ways.get(one.query_id, ""),
            }
            for one in late[:TOP]
        ],
        "new": [
            {
                "query_id": one.query_id,
                "text": _short(texts, one.query_id),
                "reason": one.reason,
                "advice": ways.get(one.query_id, ""),
            }
            for one in new[:TOP]
        ],
        "costliest": [
            {
                "query_id": query_id,
                "text": _short(texts, query_id),
                "total_ms": this[query_id].total_ms,
                "calls": this[query_id].calls,
                "share": this[query_id].total_ms / total if total else 0.0,
            }
            for query_id in costliest[:TOP]
        ],
        "findings": _findings(database),
        "advice": _advice(database, now),
        "brought": _brought(database, now),
    }


def _short(texts: dict[str, str], query_id: str) -> str:
    return " ".join(texts.get(query_id, "(text not known)").split())[:300]


def _findings(database: Database) -> list[dict[str, Any]]:
    """What is wrong now, the worst first."""
    order = {"critical": 0, "warning": 1}
    found = [
        {**finding, "collector": snapshot.collector}
        for snapshot in database.snapshots.all()
        for finding in snapshot.findings
        if finding["level"] in order
    ]
    return sorted(found, key=lambda one: order[one["level"]])[:20]


def _ways(database: Database, now: datetime) -> dict[str, str]:
    """By statement what to do about it: the index that is advised, another text, or its plan that changed."""
    ways: dict[str, str] = {}
    samples = PlanSample.objects.filter(statement__database=database, at__gt=now - WEEK, at__lte=now)
    for sample in samples.select_related("statement").order_by("at"):
        earlier = sample.statement.plans.filter(origin=sample.origin, note=sample.note, at__lt=sample.at).first()
        if earlier is not None and earlier.shape != sample.shape:
            ways[sample.statement.query_id] = f"its plan changed on {sample.at:%d %b}: compare both on its page"
    run = database.advice_runs.filter(at__gt=now - WEEK, at__lte=now).first()
    for finding in run.findings if run else []:
        for trap in finding.get("traps", [])[:1]:
            ways[finding["key"]] = f"write it differently: {trap['instead']}"
    for one in run.advices.filter(stage__in=(Stage.PROVED, Stage.PREDICTED)) if run else []:
        for each in one.keys:
            ways[each["key"]] = f"{one.kind} {one.name} ({one.stage})"
    return ways


def _advice(database: Database, now: datetime) -> list[dict[str, Any]]:
    """What the newest run of the week advises and nobody has built yet."""
    run = database.advice_runs.filter(at__gt=now - WEEK, at__lte=now).first()
    found = run.advices.filter(stage__in=(Stage.PROVED, Stage.PREDICTED)) if run else []
    return [
        {
            "what": f"{one.kind} {one.name} on {one.table}",
            "stage": one.stage,
            "statement": one.statement,
            "reason": one.reason,
            "before_ms": one.proved_before_ms,
            "after_ms": one.proved_after_ms,
        }
        for one in found
    ]


def _brought(database: Database, now: datetime) -> list[dict[str, Any]]:
    """What earlier advice brought: predicted, proved, and seen since it is in production."""
    runs = database.advice_runs.filter(at__gt=now - KEPT_IN_MIND)
    found = Advice.objects.filter(run__in=runs, stage=Stage.SEEN, seen_at__gt=now - WEEK).order_by("-seen_at")
    return [
        {
            "what": f"{one.kind} {one.name} on {one.table}",
            "predicted_ratio": one.predicted_ratio,
            "proved_before_ms": one.proved_before_ms,
            "proved_after_ms": one.proved_after_ms,
            "seen_before_ms": one.seen_before_ms,
            "seen_after_ms": one.seen_after_ms,
            "reason": brought(one),
        }
        for one in found
    ]


def brought(one: Advice) -> str:
    """What a change brought, in words."""
    if one.kind == "drop":
        return f"it is gone from production, and {words.size(one.size_bytes)} with it"
    if one.seen_before_ms is None or one.seen_after_ms is None:
        return "it is in production; its statements have not run often enough since"
    said = f"a call takes {one.seen_after_ms:.2f} ms in production, {one.seen_before_ms:.2f} ms before"
    if one.proved_before_ms and one.proved_after_ms is not None:
        share = one.proved_after_ms / one.proved_before_ms
        said += f" ({f'{share:.0%}' if share >= 0.01 else 'less than 1 %'} was proved on the copy)"
    return said


def _totals(database: Database, since: datetime, until: datetime) -> dict[str, Spent]:
    found = store.rows(
        SQL["totals"], project=database.project.slug, since=int(since.timestamp()), until=int(until.timestamp())
    )
    return {row["query_id"]: Spent(row["calls"], row["total_ms"]) for row in found}


def _intervals(database: Database, ids: Sequence[str], now: datetime) -> dict[str, list[tuple[datetime, Spent]]]:
    found = store.rows(
        SQL["intervals"], project=database.project.slug, ids=list(ids), since=int((now - 2 * WEEK).timestamp()),
        until=int(now.timestamp()),
    )  # fmt: skip
    known: dict[str, list[tuple[datetime, Spent]]] = {}
    for row in found:
        at = datetime.fromtimestamp(int(row["at"]), UTC)
        known.setdefault(row["query_id"], []).append((at, Spent(row["calls"], row["total_ms"])))
    return known


def sentence(content_: dict[str, Any]) -> str:
    """The review in one sentence."""
    if not content_["statements"]:
        return "no statement was recorded this week"
    late = len(content_["slower"])
    said = "nothing got slower" if not late else f"{late} statement{'s' if late > 1 else ''} got slower"
    new = len(content_.get("new", []))
    said += f", {new} new one{'s are' if new > 1 else ' is'} costly" if new else ""
    wrong = len(content_["findings"])
    things = f"{wrong or 'no'} thing{'' if wrong == 1 else 's'}"
    many = content_["deploys"]
    return f"{said}, {many} deploy{'' if many == 1 else 's'}; {things} to mend{_more(content_)}"


def _more(content_: dict[str, Any]) -> str:
    """What there is of advice; reviews made before advice was part of them have none."""
    advised, seen = len(content_.get("advice", [])), len(content_.get("brought", []))
    said = f", {advised} index{'' if advised == 1 else 'es'} advised" if advised else ""
    return said + (f", {seen} of earlier advice in production" if seen else "")


def make(database: Database, week: date, now: datetime) -> Review | None:
    """Make a week's review once and mail it; None when somebody else just did."""
    found = content(database, now)
    try:
        with transaction.atomic():
            review = Review.objects.create(database=database, week=week, made_at=now, content=found)
            for address in recipients(database):
                key = f"database-review:{database.pk}:{week}:{address}"
                enqueue(database.project, "email", address, mail(database, review), key=key, about="database")
    except IntegrityError:
        return None
    return review


def recipients(database: Database) -> list[str]:
    """Whom golive.toml names, else owners and admins."""
    plan = ReviewPlan.model_validate(database.topic("review"))
    if plan.to:
        return plan.to
    return [person.email for person in User.objects.filter(is_active=True) if person.may(Role.ADMIN)]


def mail(database: Database, review: Review) -> Content:
    """The review as a mail."""
    name, found = database.project.name, review.content
    lines = [f"{name}'s database in the week to {review.week:%d %b %Y}: {sentence(found)}.", ""]
    for title, rows in (
        ("Got slower", found["slower"]),
        ("New and costly", found.get("new", [])),
        ("To mend", found["findings"]),
        ("Advised", found.get("advice", [])),
        ("What earlier advice brought", found.get("brought", [])),
    ):
        if rows:
            lines.append(title)
        for row in rows:
            stage = f" ({row['stage']})" if row.get("stage") else ""
            lines.append(f"- {row.get('text') or row.get('subject') or row['what']}{stage}\n  {row['reason']}")
            if way_out := row.get("advice") or row.get("statement"):
                lines.append(f"  {way_out}")
        if rows:
            lines.append("")
    lines.append("Costs most")
    for row in found["costliest"]:
        each = row["total_ms"] / max(row["calls"], 1)
        lines.append(f"- {row['share'] * 100:.0f} %, {row['calls']:.0f} calls of {each:.1f} ms: {row['text'][:160]}")
    link = f"{settings.PUBLIC_URL}/p/{database.project.slug}/database/reviews/"
    text = "\n".join([*lines, "", f"All of it: {link}", ""])
    data = {"project": database.project.slug, "week": str(review.week), "sentence": sentence(found)}
    return Content(f"[{name}] database: {sentence(found)}", text, event="database.review", data=data)

"""The weekly slow-query review: what costs most, what got slower since which deploy, what is wrong, what to do."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from golive.changes.models import Change, Kind
from golive.notify.outbox import Content, enqueue
from golive.people.models import Role, User
from golive.postgres.look.history import SQL
from golive.postgres.look.models import Review, StatementText
from golive.postgres.look.plan import ReviewPlan
from golive.postgres.look.trend import Spent, slower
from golive.postgres.models import Database
from golive.telemetry import store

WEEK = timedelta(days=7)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HOUR = 8
TOP = 10


def week_due(plan: ReviewPlan, last: date | None, now: datetime) -> date | None:
    """The day for which a review is due at `now` (UTC), or None. One missed is made as soon as golive runs again."""
    if plan.day == "never":
        return None
    at = now.astimezone(UTC)
    day = (at - timedelta(days=(at.weekday() - DAYS.index(plan.day)) % 7)).date()
    if at.date() == day and at.hour < HOUR:
        day -= WEEK
    return None if last is not None and last >= day else day


def content(database: Database, now: datetime) -> dict[str, Any]:
    """The review of the week that ends now. Raises StoreError."""
    this, before = _totals(database, now - WEEK, now), _totals(database, now - 2 * WEEK, now - WEEK)
    costliest = sorted(this, key=lambda query_id: -this[query_id].total_ms)
    changes = Change.objects.filter(project=database.project, kind=Kind.DEPLOY, at__gte=now - 2 * WEEK, at__lt=now)
    deploys = [(change.at, change.title or change.release) for change in changes]
    late = slower(before, this, _intervals(database, costliest[:200], now), deploys)
    texts = dict(StatementText.objects.filter(database=database).values_list("query_id", "text"))
    total = sum(spent.total_ms for spent in this.values())
    return {
        "total_ms": total,
        "statements": len(this),
        "deploys": len(deploys),
        "slower": [
            {
                "query_id": one.query_id,
                "text": _short(texts, one.query_id),
                "reason": one.reason,
                "extra_ms": one.extra_ms,
            }
            for one in late[:TOP]
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
    wrong = len(content_["findings"])
    return f"{said}, {content_['deploys']} deploys; {wrong or 'no'} thing{'' if wrong == 1 else 's'} to mend"


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
    for title, rows in (("Got slower", found["slower"]), ("To mend", found["findings"])):
        if rows:
            lines.append(title)
        for row in rows:
            lines.append(f"- {row.get('text') or row.get('subject')}\n  {row['reason']}")
            if row.get("advice"):
                lines.append(f"  {row['advice']}")
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

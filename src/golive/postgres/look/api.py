"""The database over HTTP: how it stands, each question's answer, the weekly reviews."""

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from ninja.errors import HttpError

from golive.people.tokens import scope
from golive.postgres.door import database_at
from golive.postgres.look.collectors import COLLECTORS
from golive.postgres.look.standing import Standing, standing, standings

router = Router()


class FindingOut(Schema):
    """One thing worth saying, with the way out and the way back."""

    level: str
    subject: str
    reason: str
    advice: str
    undo: str


class QuestionOut(Schema):
    """One question about the database and its last answer's state."""

    name: str
    title: str
    question: str
    state: str
    reason: str
    at: datetime | None
    findings: list[FindingOut]


class AnswerOut(QuestionOut):
    """With the rows of the answer."""

    rows: list[dict[str, Any]]


class ReviewOut(Schema):
    """A weekly slow-query review."""

    week: date
    made_at: datetime
    content: dict[str, Any]


def _out(one: Standing) -> dict[str, Any]:
    return {
        "name": one.collector.name,
        "title": one.collector.title,
        "question": one.collector.question,
        "state": one.state,
        "reason": one.reason,
        "at": one.snapshot.at if one.snapshot else None,
        "findings": one.findings,
    }


@router.get(
    "/projects/{slug}/database",
    response=list[QuestionOut],
    auth=scope("database:read"),
    summary="How the database stands",
)
def database(request: HttpRequest, slug: str) -> list[dict[str, Any]]:
    """All questions with their states."""
    return [_out(one) for one in standings(database_at(slug), timezone.now())]


@router.get(
    "/projects/{slug}/database/look/{name}", response=AnswerOut, auth=scope("database:read"), summary="One answer"
)
def answer(request: HttpRequest, slug: str, name: str) -> dict[str, Any]:
    """One question's last answer with its rows."""
    kept = database_at(slug)
    if name not in COLLECTORS:
        raise HttpError(404, f"There is no question {name!r}; there are {', '.join(COLLECTORS)}.")
    one = standing(COLLECTORS[name], kept.snapshots.filter(collector=name).first(), timezone.now())
    return {**_out(one), "rows": one.snapshot.rows if one.snapshot else []}


@router.get(
    "/projects/{slug}/database/reviews", response=list[ReviewOut], auth=scope("database:read"), summary="Weekly reviews"
)
def reviews(request: HttpRequest, slug: str) -> list[Any]:
    """The newest half year of weekly reviews."""
    return list(database_at(slug).reviews.all()[:26])

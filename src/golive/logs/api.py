"""Log search over HTTP."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema
from ninja.errors import HttpError

from golive.kit.durations import DurationError, parse_duration
from golive.logs.query import QueryError, compile_query
from golive.logs.search import Cursor, lines
from golive.people.models import Project
from golive.people.tokens import scope

router = Router()


class LineOut(Schema):
    """One log line; `time` has nanoseconds."""

    time: str
    level: str
    severity_text: str
    service: str
    environment: str
    release: str
    body: str
    event_name: str
    trace_id: str
    span_id: str
    synthetic: bool
    attributes: dict[str, str]
    resource: dict[str, str]


class LinesOut(Schema):
    """A page of lines, newest first; pass `cursor` back for the next page, null on the last."""

    lines: list[LineOut]
    cursor: str | None


@router.get("/projects/{slug}/logs", response=LinesOut, auth=scope("logs:read"), summary="Search logs")
def logs(
    request: HttpRequest, slug: str, q: str = "", since: str = "1h", cursor: str = "", limit: int = 100
) -> dict[str, Any]:
    """Lines that match the query `q` (the console's language). `since` is a duration such as 1h, or an instant."""
    project = get_object_or_404(Project, slug=slug)
    now = timezone.now()
    try:
        page, following = lines(
            project.slug, compile_query(q), instant(since, now), now, Cursor.read(cursor), max(1, min(limit, 1000))
        )
    except (QueryError, DurationError) as error:
        raise HttpError(422, str(error)) from None
    return {"lines": [line.as_dict() for line in page], "cursor": str(following) if following else None}


def instant(text: str, now: datetime) -> datetime:
    """A duration before `now`, or an ISO 8601 instant. Raises DurationError."""
    try:
        at = datetime.fromisoformat(text)
        return at if at.tzinfo else timezone.make_aware(at)
    except ValueError:
        return now - min(parse_duration(text), timedelta(days=400))

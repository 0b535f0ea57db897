"""Pages of a long list: `?limit=` and `?after=` with the id that the last page ended on."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from ninja import Schema
from pydantic import Field

Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)
LARGEST_ID = 2**62


class Page(Schema, Generic[Item]):
    """One page of a list, newest first; `next` is the `after` of the page that follows, null on the last."""

    items: list[Item]
    next: int | None


class Asked(Schema):
    """Which page is asked for."""

    limit: int = Field(50, ge=1, le=500)
    after: int | None = Field(None, ge=0, le=LARGEST_ID)


def page(rows: QuerySet[Row], asked: Asked, show: Callable[[Row], Any]) -> dict[str, Any]:
    """A page of rows by falling primary key."""
    if asked.after is not None:
        rows = rows.filter(pk__lt=asked.after)
    found = list(rows.order_by("-pk")[: asked.limit + 1])
    shown = found[: asked.limit]
    return {"items": [show(row) for row in shown], "next": shown[-1].pk if len(found) > asked.limit else None}

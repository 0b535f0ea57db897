"""The control API, which Stripe does not have: move the clock, disturb deliveries, look inside."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from golive.sandbox.payments.billing import settle_due
from golive.sandbox.payments.books import Books
from golive.sandbox.payments.cards import card_of
from golive.sandbox.payments.delivery import Courier, Mischief, Order
from golive.sandbox.payments.periods import DAY_SECONDS

_FARTHEST_SECONDS = 3700 * DAY_SECONDS


def control_routes(books: Books, courier: Courier) -> list[Route]:
    """Routes below `/_control`; bodies are JSON.

    `POST clock {"days":31}` or `{"seconds":60}` · `GET clock` · `POST deliveries
    {"mischief":"duplicate|delay|reorder|drop","count":2,"seconds":5,"types":["invoice.paid"]}` · `DELETE deliveries`
    (deliver plainly again) · `GET deliveries` (attempts) · `POST events/{id}/resend` · `POST cards
    {"customer":"cus_…","number":"4242…"}` · `POST webhook {"url":…,"secret":…}` · `POST reset`.
    """

    def clock(given: dict[str, Any], request: Request) -> dict[str, Any]:
        if request.method == "GET":
            return {"now": books.now(), "offset_seconds": books.offset_seconds}
        ahead = float(given.get("seconds", 0)) + float(given.get("days", 0)) * DAY_SECONDS
        if not 0 < ahead <= _FARTHEST_SECONDS:
            raise ValueError("give seconds or days; the clock only goes forward, ten years at most")
        books.offset_seconds += ahead
        return {"steps": settle_due(books, books.now()), "now": books.now()}

    def deliveries(given: dict[str, Any], request: Request) -> dict[str, Any]:
        if request.method == "POST":
            courier.order = _order(given)
        elif request.method == "DELETE":
            held = courier.order.held if courier.order and courier.order.count else []
            courier.order = None
            for event in held:
                courier.send(event)
        return {"waiting": courier.waiting, "attempts": courier.attempts()}

    def resend(given: dict[str, Any], request: Request) -> dict[str, Any]:
        event = books.table("event").get(request.path_params["id"])
        if event is None:
            raise ValueError("no such event")
        courier.send(event)
        return {"resent": event["id"]}

    def cards(given: dict[str, Any], request: Request) -> dict[str, Any]:
        if given.get("customer") not in books.table("customer"):
            raise ValueError("no such customer")
        books.cards[given["customer"]] = card_of(str(given.get("number", ""))).number
        return {"customer": given["customer"]}

    def webhook(given: dict[str, Any], request: Request) -> dict[str, Any]:
        courier.url = str(given.get("url", courier.url))
        courier.secret = str(given.get("secret", courier.secret))
        return {"url": courier.url}

    def reset(given: dict[str, Any], request: Request) -> dict[str, Any]:
        books.clear()
        courier.forget()
        return {"reset": True}

    return [
        Route("/_control/clock", _json(clock), methods=["GET", "POST"]),
        Route("/_control/deliveries", _json(deliveries), methods=["GET", "POST", "DELETE"]),
        Route("/_control/events/{id}/resend", _json(resend), methods=["POST"]),
        Route("/_control/cards", _json(cards), methods=["POST"]),
        Route("/_control/webhook", _json(webhook), methods=["POST"]),
        Route("/_control/reset", _json(reset), methods=["POST"]),
    ]


def _order(given: dict[str, Any]) -> Order:
    mischief = str(given.get("mischief", ""))
    if mischief not in set(Mischief):
        raise ValueError(f"mischief is one of {', '.join(Mischief)}")
    count, seconds = int(given.get("count", 1)), float(given.get("seconds", 5.0))
    if count < 1 or seconds < 0:
        raise ValueError("count is at least 1 and seconds are not negative")
    return Order(Mischief(mischief), count, seconds, tuple(given.get("types", ())))


def _json(
    handler: Callable[[dict[str, Any], Request], dict[str, Any]],
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            given = orjson.loads(await request.body() or b"{}")
            if not isinstance(given, dict):
                raise ValueError("send a JSON object")
            return JSONResponse(handler(given, request))
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return endpoint

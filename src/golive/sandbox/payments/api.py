"""The REST API: the part of Stripe's `/v1` that a subscription business uses."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from golive.sandbox.payments import billing
from golive.sandbox.payments.books import Books, Object, new_id
from golive.sandbox.payments.cards import card_of, reason_for_people
from golive.sandbox.payments.forms import decode

Parameters = dict[str, Any]
Handler = Callable[[Request, Parameters], Object]

_MOST = 100
_REPLAYS_KEPT = 2000


class ApiError(Exception):
    """An error as Stripe words it."""

    def __init__(self, status: int, message: str, *, kind: str = "invalid_request_error", **details: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **details}}


def missing(parameter: str) -> ApiError:
    return ApiError(400, f"Missing required param: {parameter}.", param=parameter, code="parameter_missing")


def no_such(kind: str, ident: str) -> ApiError:
    return ApiError(404, f"No such {kind}: '{ident}'", code="resource_missing", param="id")


def declined(code: str) -> ApiError:
    return ApiError(402, reason_for_people(code), kind="card_error", code="card_declined", decline_code=code)


class Api:
    """Handlers over the books. Responses to a POST with an Idempotency-Key are replayed."""

    def __init__(self, books: Books, public_url: Callable[[Request], str]) -> None:
        self.books = books
        self._public_url = public_url
        self._replays: dict[str, tuple[int, Object]] = {}

    def routes(self) -> list[Route]:
        """All routes, for a Starlette application."""
        table: list[tuple[str, str, Handler]] = [
            ("POST", "/v1/customers", self.create_customer),
            ("POST", "/v1/customers/{id}", self.update_customer),
            ("POST", "/v1/products", self.create_product),
            ("POST", "/v1/prices", self.create_price),
            ("POST", "/v1/checkout/sessions", self.create_session),
            ("POST", "/v1/checkout/sessions/{id}/expire", self.expire_session),
            ("POST", "/v1/subscriptions/{id}", self.update_subscription),
            ("DELETE", "/v1/subscriptions/{id}", self.cancel_subscription),
            ("POST", "/v1/invoices/{id}/pay", self.pay_invoice),
        ]
        for path, kind in (
            ("customers", "customer"),
            ("products", "product"),
            ("prices", "price"),
            ("checkout/sessions", "checkout.session"),
            ("subscriptions", "subscription"),
            ("invoices", "invoice"),
            ("payment_intents", "payment_intent"),
            ("events", "event"),
        ):
            table.append(("GET", f"/v1/{path}", self._lister(kind, f"/v1/{path}")))
            table.append(("GET", f"/v1/{path}/{{id}}", self._getter(kind)))
        return [Route(path, self._endpoint(handler), methods=[method]) for method, path, handler in table]

    def create_customer(self, request: Request, given: Parameters) -> Object:
        return billing.new_customer(self.books, **_only(given, "email", "name", "description", "metadata"))

    def update_customer(self, request: Request, given: Parameters) -> Object:
        customer = self._one("customer", request)
        customer.update(_only(given, "email", "name", "description", "metadata"))
        self.books.happened("customer.updated", customer)
        return customer

    def create_product(self, request: Request, given: Parameters) -> Object:
        if not given.get("name"):
            raise missing("name")
        return self.books.add("product", "prod", active=True, **_only(given, "name", "description", "metadata"))

    def create_price(self, request: Request, given: Parameters) -> Object:
        for parameter in ("currency", "unit_amount"):
            if not given.get(parameter):
                raise missing(parameter)
        recurring = given.get("recurring") or {}
        product = given.get("product") or self.create_product(request, given.get("product_data") or {})["id"]
        if product not in self.books.table("product"):
            raise no_such("product", product)
        return self.books.add(
            "price",
            "price",
            active=True,
            product=product,
            currency=given["currency"].lower(),
            unit_amount=_whole(given["unit_amount"], "unit_amount"),
            lookup_key=given.get("lookup_key"),
            nickname=given.get("nickname"),
            type="recurring" if recurring else "one_time",
            recurring={
                "interval": recurring.get("interval", "month"),
                "interval_count": _whole(recurring.get("interval_count", "1"), "recurring[interval_count]"),
                "usage_type": "licensed",
            },
            metadata=given.get("metadata") or {},
        )

    def create_session(self, request: Request, given: Parameters) -> Object:
        if not given.get("success_url"):
            raise missing("success_url")
        lines = given.get("line_items") or []
        if len(lines) != 1:
            raise ApiError(400, "This simulator sells exactly one line item per session.", param="line_items")
        if given.get("mode") != "subscription":
            raise ApiError(400, "This simulator only knows mode=subscription.", param="mode")
        customer = given.get("customer")
        if customer is not None and customer not in self.books.table("customer"):
            raise no_such("customer", customer)
        price = self._price(lines[0].get("price", ""))
        quantity = _whole(lines[0].get("quantity", "1"), "line_items[0][quantity]")
        ident = new_id("cs_test")
        session = self.books.add(
            "checkout.session",
            "cs_test",
            mode="subscription",
            status="open",
            payment_status="unpaid",
            customer=customer,
            customer_email=given.get("customer_email"),
            client_reference_id=given.get("client_reference_id"),
            success_url=given["success_url"],
            cancel_url=given.get("cancel_url"),
            currency=price["currency"],
            amount_total=price["unit_amount"] * quantity,
            line_items={"object": "list", "data": [{"id": ident, "price": price, "quantity": quantity}]},
            subscription=None,
            subscription_data={"metadata": (given.get("subscription_data") or {}).get("metadata") or {}},
            invoice=None,
            expires_at=self.books.now() + 86_400,
            metadata=given.get("metadata") or {},
        )
        session["url"] = f"{self._public_url(request)}/pay/{session['id']}"
        return session

    def expire_session(self, request: Request, given: Parameters) -> Object:
        session = self._one("checkout.session", request)
        if session["status"] != "open":
            raise ApiError(400, f"This session is {session['status']}, only open ones expire.")
        session.update(status="expired", url=None)
        self.books.happened("checkout.session.expired", session)
        return session

    def update_subscription(self, request: Request, given: Parameters) -> Object:
        subscription = self._living("subscription", request)
        if "metadata" in given:
            subscription["metadata"] = {**subscription["metadata"], **given["metadata"]}
        if items := given.get("items"):
            item = subscription["items"]["data"][0]
            price = self._price(items[0]["price"]) if items[0].get("price") else item["price"]
            quantity = _whole(items[0].get("quantity", str(item["quantity"])), "items[0][quantity]")
            proration = given.get("proration_behavior", "create_prorations")
            if proration not in ("create_prorations", "always_invoice", "none"):
                raise ApiError(400, f"Invalid proration_behavior: {proration}", param="proration_behavior")
            billing.change_price(self.books, subscription, price, quantity, proration)
        if "cancel_at_period_end" in given:
            before = {"cancel_at_period_end": subscription["cancel_at_period_end"]}
            ending = given["cancel_at_period_end"] == "true"
            subscription.update(
                cancel_at_period_end=ending,
                cancel_at=subscription["current_period_end"] if ending else None,
                canceled_at=self.books.now() if ending else None,
            )
            self.books.happened("customer.subscription.updated", subscription, before)
        return subscription

    def cancel_subscription(self, request: Request, given: Parameters) -> Object:
        subscription = self._living("subscription", request)
        billing.cancel(self.books, subscription, self.books.now())
        return subscription

    def pay_invoice(self, request: Request, given: Parameters) -> Object:
        invoice = self._one("invoice", request)
        if invoice["status"] == "paid":
            raise ApiError(400, "Invoice is already paid", code="invoice_already_paid")
        if number := given.get("card_number"):  # ours, in place of Stripe's payment methods
            self.books.cards[invoice["customer"]] = card_of(number).number
        billing.pay_invoice(self.books, invoice)
        return invoice

    def _lister(self, kind: str, path: str) -> Handler:
        def listing(request: Request, given: Parameters) -> Object:
            found = [item for item in reversed(self.books.table(kind).values()) if _matches(item, given)]
            if after := given.get("starting_after"):
                position = next((index for index, item in enumerate(found) if item["id"] == after), None)
                if position is None:
                    raise no_such(kind, after)
                found = found[position + 1 :]
            limit = min(_whole(given.get("limit", "10"), "limit"), _MOST)
            return {"object": "list", "url": path, "has_more": len(found) > limit, "data": found[:limit]}

        return listing

    def _getter(self, kind: str) -> Handler:
        return lambda request, given: self._one(kind, request)

    def _one(self, kind: str, request: Request) -> Object:
        ident = request.path_params["id"]
        found = self.books.table(kind).get(ident)
        if found is None:
            raise no_such(kind, ident)
        return found

    def _living(self, kind: str, request: Request) -> Object:
        found = self._one(kind, request)
        if found["status"] == "canceled":
            raise ApiError(400, "A canceled subscription cannot be changed.", code="resource_missing")
        return found

    def _price(self, ident: str) -> Object:
        price = self.books.table("price").get(ident)
        if price is None:
            raise no_such("price", ident)
        return price

    def _endpoint(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = (await request.body()).decode("utf-8", "replace")
            try:
                check_key(request.headers.get("authorization", ""))
                replay_key = self._replay_key(request)
                if replay_key in self._replays:
                    status, made = self._replays[replay_key]
                    return JSONResponse(made, status, headers={"Idempotent-Replayed": "true"})
                given = decode(body) | decode(request.url.query)
                made = self._expanded(handler(request, given), given.get("expand") or [])
            except ApiError as error:
                return JSONResponse(error.body, error.status)
            except billing.Declined as error:
                code = str(error)
                refused = ApiError(
                    402, reason_for_people(code), kind="card_error", code="card_declined", decline_code=code
                )
                return JSONResponse(refused.body, refused.status)
            if replay_key:
                self._replays[replay_key] = (200, made)
                while len(self._replays) > _REPLAYS_KEPT:
                    del self._replays[next(iter(self._replays))]
            self.books.changed = True
            return JSONResponse(made, headers={"Request-Id": new_id("req")})

        return endpoint

    def _replay_key(self, request: Request) -> str:
        key = request.headers.get("idempotency-key", "")
        return f"{request.url.path} {key}" if key and request.method == "POST" else ""

    def _expanded(self, made: Object, paths: list[str]) -> Object:
        shown = {key: value for key, value in made.items() if key not in ("pending_lines", "next_attempt_at")}
        for path in paths:
            if (inner := self.books.find(shown.get(path))) is not None:
                shown[path] = inner
        return shown


def check_key(authorization: str) -> None:
    """Refuse a request without a test key, and any live key. Raises ApiError."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            value = ""
    if value.startswith(("sk_live_", "rk_live_")):
        raise ApiError(401, "This is a simulator and refuses live keys. Use a key that begins with sk_test_.")
    if not value.startswith(("sk_test_", "rk_test_")):
        raise ApiError(401, "Send a test key: Authorization: Bearer sk_test_...")


def _only(given: Parameters, *names: str) -> Parameters:
    return {name: given[name] for name in names if name in given}


def _whole(text: Any, parameter: str) -> int:
    try:
        value = int(text)
    except (TypeError, ValueError):
        value = -1
    if value < 0:
        raise ApiError(400, f"Invalid integer: {text}", param=parameter, code="parameter_invalid_integer")
    return value


def _matches(item: Object, given: Parameters) -> bool:
    if (keys := given.get("lookup_keys")) and item.get("lookup_key") not in keys:
        return False
    if (status := given.get("status")) and status != "all" and item.get("status") != status:
        return False
    return all(given[name] == item.get(name) for name in ("customer", "email", "subscription", "type") if name in given)

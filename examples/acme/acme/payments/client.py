"""The provider's REST API (Stripe's, or anything that speaks it), as far as acme uses it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from acme.plans import CURRENCY, Plan, Standing

_TIMEOUT_SECONDS = 10.0


class PaymentError(Exception):
    """The provider could not be reached or refused; `for_people` is safe to show."""

    def __init__(self, message: str, for_people: str) -> None:
        super().__init__(message)
        self.for_people = for_people


@dataclass(frozen=True)
class ProviderSubscription:
    """A subscription as the provider has it now."""

    id: str
    customer: str
    item: str
    account_id: int
    plan: str
    status: str
    ends_at_period_end: bool
    period_end: datetime

    @property
    def standing(self) -> Standing:
        return Standing(self.plan, self.status, self.ends_at_period_end)


class PaymentClient:
    """Calls are plain HTTPS; errors become PaymentError. Share one among threads."""

    def __init__(self, url: str, key: str, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            base_url=f"{url}/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT_SECONDS,
            transport=transport,
        )
        self._prices: dict[str, str] = {}

    def close(self) -> None:
        self._http.close()

    def checkout(self, plan: Plan, account_id: int, customer: str | None, email: str, back_url: str) -> str:
        """Begin a checkout; returns the address of the provider's pay page."""
        who = {"customer": customer} if customer else {"customer_email": email}
        session = self._call(
            "POST",
            "/checkout/sessions",
            {
                "mode": "subscription",
                "line_items[0][price]": self._price(plan),
                "line_items[0][quantity]": "1",
                "client_reference_id": str(account_id),
                "metadata[account_id]": str(account_id),
                "subscription_data[metadata][account_id]": str(account_id),
                "success_url": f"{back_url}?paid={{CHECKOUT_SESSION_ID}}",
                "cancel_url": back_url,
                **who,
            },
        )
        return str(session["url"])

    def subscription(self, ident: str) -> ProviderSubscription:
        """A subscription as it is now."""
        return _read(self._call("GET", f"/subscriptions/{ident}"))

    def change_plan(self, ident: str, plan: Plan) -> ProviderSubscription:
        """Up or down, the difference billed or credited at once."""
        current = self.subscription(ident)
        wanted = {
            "items[0][id]": current.item,
            "items[0][price]": self._price(plan),
            "proration_behavior": "always_invoice",
            "cancel_at_period_end": "false",
        }
        return _read(self._call("POST", f"/subscriptions/{ident}", wanted))

    def end_at_period_end(self, ident: str, ending: bool) -> ProviderSubscription:
        """Cancel for the end of what is paid, or take that back."""
        wanted = {"cancel_at_period_end": str(ending).lower()}
        return _read(self._call("POST", f"/subscriptions/{ident}", wanted))

    def _price(self, plan: Plan) -> str:
        """The provider's id of a plan's price, made on first use."""
        if plan.key not in self._prices:
            known = self._call("GET", "/prices", {"lookup_keys[]": plan.lookup_key})["data"]
            price = known[0] if known else self._new_price(plan)
            self._prices[plan.key] = price["id"]
        return self._prices[plan.key]

    def _new_price(self, plan: Plan) -> dict[str, Any]:
        return self._call(
            "POST",
            "/prices",
            {
                "currency": CURRENCY,
                "unit_amount": str(plan.price_minor),
                "recurring[interval]": "month",
                "lookup_key": plan.lookup_key,
                "nickname": f"acme {plan.name}",
                "product_data[name]": f"acme {plan.name}",
            },
        )

    def _call(self, method: str, path: str, values: dict[str, str] | None = None) -> dict[str, Any]:
        sent = {"params": values} if method == "GET" else {"data": values}
        try:
            answer = self._http.request(method, path, **sent)  # type: ignore[arg-type]
            body: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise PaymentError(f"{method} {path}: {error}", "Our payment provider does not answer.") from error
        if answer.is_success:
            return body
        told = body.get("error", {})
        people = str(told.get("message")) if told.get("type") == "card_error" else "The payment could not be made."
        raise PaymentError(f"{method} {path}: {answer.status_code} {told.get('message')}", people)


def _read(body: dict[str, Any]) -> ProviderSubscription:
    item = body["items"]["data"][0]
    lookup_key = str(item["price"].get("lookup_key") or "")
    return ProviderSubscription(
        id=body["id"],
        customer=body["customer"],
        item=item["id"],
        account_id=int(body["metadata"].get("account_id") or 0),
        plan=lookup_key.removeprefix("acme_").removesuffix("_monthly"),
        status=body["status"],
        ends_at_period_end=bool(body["cancel_at_period_end"]),
        period_end=datetime.fromtimestamp(item["current_period_end"], UTC),
    )

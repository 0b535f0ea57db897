"""The hosted pay page, where a person (or a test) enters a card."""

from collections.abc import Callable
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from golive.sandbox.page import page
from golive.sandbox.payments import billing
from golive.sandbox.payments.books import Books, Object
from golive.sandbox.payments.cards import card_of, reason_for_people


def pay_routes(books: Books) -> list[Route]:
    """`GET /pay/{id}` shows the form, `POST /pay/{id}` with `card_number` pays and goes to the success page."""

    async def show(request: Request) -> Response:
        return _open(books, request, lambda session: HTMLResponse(_form(session, "")))

    async def submit(request: Request) -> Response:
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        card = card_of(form.get("card_number", [""])[0])

        def pay(session: Object) -> Response:
            try:
                billing.pay_session(books, session, card)
            except billing.Declined as error:
                return HTMLResponse(_form(session, reason_for_people(str(error))), 402)
            target = session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
            return RedirectResponse(target, 303)

        return _open(books, request, pay)

    return [Route("/pay/{id}", show, methods=["GET"]), Route("/pay/{id}", submit, methods=["POST"])]


def _open(books: Books, request: Request, then: Callable[[Object], Response]) -> Response:
    session = books.table("checkout.session").get(request.path_params["id"])
    if session is None:
        return HTMLResponse(page("Not found", "<h1>No such checkout session</h1>"), 404)
    if session["status"] != "open" or books.now() >= session["expires_at"]:
        return HTMLResponse(page("Closed", "<h1>This checkout is closed</h1><p>It was paid or has expired.</p>"), 410)
    return then(session)


def _form(session: Object, problem: str) -> str:
    price = session["line_items"]["data"][0]["price"]
    amount = f"{session['amount_total'] / 100:.2f} {session['currency'].upper()}"
    name = escape(price["nickname"] or price["lookup_key"] or "Subscription")
    back = f'<p><a href="{escape(session["cancel_url"])}">Back</a></p>' if session["cancel_url"] else ""
    warning = f'<p class="bad" role="alert">{escape(problem)}</p>' if problem else ""
    body = f"""
      {back}<h1>{name}</h1><p class="money">{amount} per {escape(price["recurring"]["interval"])}</p>
      <p>Simulated payment: no money moves. 4242 4242 4242 4242 pays, 4000 0000 0000 0002 is declined,
      4000 0000 0000 0341 pays once and fails at renewal.</p>{warning}
      <form class="stacked" method="post">
        <label>Card number<input name="card_number" inputmode="numeric" autocomplete="cc-number" required></label>
        <label>Expires<input name="expires" placeholder="MM / YY" autocomplete="cc-exp"></label>
        <label>Security code<input name="cvc" inputmode="numeric" autocomplete="cc-csc"></label>
        <button>Pay {amount}</button>
      </form>"""
    return page(f"Pay {amount}", body)

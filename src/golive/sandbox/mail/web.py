"""The sink's JSON API and its two pages."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from golive.sandbox.mail.mailbox import Mailbox, Message
from golive.sandbox.mail.refusal import Doorkeeper, Refusal
from golive.sandbox.page import page

_MOST = 1000


def mail_app(mailbox: Mailbox, door: Doorkeeper) -> Starlette:
    """The application over a mailbox.

    `GET /api/messages?to=&subject=&q=&limit=` newest first · `GET /api/messages/{id}` with text, html and links ·
    `GET /api/messages/{id}/raw` the .eml · `DELETE /api/messages` · `PUT /api/refusal {"code":451,"remaining":2}` and
    `DELETE /api/refusal`.
    """

    def listing(request: Request) -> Response:
        messages = _found(mailbox, request.query_params)
        return JSONResponse({"total": len(mailbox), "messages": [message.summary() for message in messages]})

    def clear(request: Request) -> Response:
        return JSONResponse({"deleted": mailbox.clear()})

    async def refuse(request: Request) -> Response:
        try:
            wanted = orjson.loads(await request.body() or b"{}")
            refusal = Refusal(**wanted)
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        door.set(refusal)
        return JSONResponse({"refusing": refusal.reply, "remaining": refusal.remaining})

    def accept(request: Request) -> Response:
        door.set(None)
        return JSONResponse({"refusing": None, "refused": door.refused})

    def inbox(request: Request) -> Response:
        query = request.query_params.get("q", "")
        return HTMLResponse(page("Mail sink", _inbox_html(_found(mailbox, request.query_params), len(mailbox), query)))

    return Starlette(
        routes=[
            Route("/", inbox),
            Route("/healthz", lambda request: JSONResponse({"ok": True})),
            Route("/messages/{ident}", _one(mailbox, lambda m: HTMLResponse(page(m.subject, _message_html(m))))),
            Route("/api/messages", listing, methods=["GET"]),
            Route("/api/messages", clear, methods=["DELETE"]),
            Route("/api/messages/{ident}", _one(mailbox, lambda message: JSONResponse(message.full()))),
            Route("/api/messages/{ident}/raw", _one(mailbox, lambda message: _raw(mailbox, message))),
            Route("/api/refusal", refuse, methods=["PUT"]),
            Route("/api/refusal", accept, methods=["DELETE"]),
        ]
    )


def _found(mailbox: Mailbox, query: Mapping[str, str]) -> list[Message]:
    limit = query.get("limit", "")
    return mailbox.messages(
        to=query.get("to", ""),
        subject=query.get("subject", ""),
        text=query.get("q", ""),
        limit=min(int(limit), _MOST) if limit.isascii() and limit.isdigit() else 100,
    )


def _one(mailbox: Mailbox, show: Callable[[Message], Response]) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        message = mailbox.get(request.path_params["ident"])
        return JSONResponse({"error": "no such message"}, status_code=404) if message is None else show(message)

    return endpoint


def _raw(mailbox: Mailbox, message: Message) -> Response:
    return Response(mailbox.raw(message.id), media_type="message/rfc822")


def _inbox_html(messages: list[Message], total: int, query: str) -> str:
    rows = "".join(
        f'<tr><td><a href="/messages/{m.id}">{escape(m.subject) or "(no subject)"}</a>'
        f"<small>{escape(' '.join(m.text.split())[:110])}</small></td><td>{escape(', '.join(m.to))}</td>"
        f'<td class="when">{m.received_at:%H:%M:%S}</td></tr>'
        for m in messages
    )
    table = f"<table><thead><tr><th>Subject<th>To<th>UTC</tr></thead><tbody>{rows}</tbody></table>"
    nothing = '<p class="empty">No mail matches.</p>' if query else '<p class="empty">No mail has arrived yet.</p>'
    return (
        f"<h1>Mail sink</h1><p>{total} messages caught; none is delivered to anyone.</p>"
        f'<form method="get"><input type="search" name="q" value="{escape(query)}" placeholder="Search mail" '
        f'aria-label="Search mail"><button>Search</button></form>{table if rows else nothing}'
    )


def _message_html(message: Message) -> str:
    facts: dict[str, Any] = {
        "From": message.sender,
        "To": ", ".join(message.to),
        "Received": f"{message.received_at:%Y-%m-%d %H:%M:%S} UTC",
    }
    rows = "".join(f"<tr><th>{name}</th><td>{escape(str(value))}</td></tr>" for name, value in facts.items())
    links = "".join(f'<li><a href="{escape(link)}" rel="noreferrer">{escape(link)}</a></li>' for link in message.links)
    # The sandboxed frame runs no script and loads nothing from this origin.
    framed = f'<h2>HTML</h2><iframe sandbox srcdoc="{escape(message.html)}" title="HTML body"></iframe>'
    return (
        f'<p><a href="/">All mail</a></p><h1>{escape(message.subject) or "(no subject)"}</h1>'
        f'<table class="facts">{rows}</table>'
        f"{f'<h2>Links</h2><ul>{links}</ul>' if links else ''}"
        f"<h2>Text</h2><pre>{escape(message.text)}</pre>{framed if message.html else ''}"
        f'<p><a href="/api/messages/{message.id}/raw">Source</a></p>'
    )

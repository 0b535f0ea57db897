"""The simulator as one application, and as something that a test can hold in a `with`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from golive.sandbox.hosting import Hosted
from golive.sandbox.payments.api import Api
from golive.sandbox.payments.billing import settle_due
from golive.sandbox.payments.books import Books
from golive.sandbox.payments.control import control_routes
from golive.sandbox.payments.delivery import Courier
from golive.sandbox.payments.pay_page import pay_routes

DEFAULT_SECRET = "whsec_sandbox"  # noqa: S105 - of a simulator, where no money moves
_BEAT_SECONDS = 1.0


def payment_app(books: Books, courier: Courier, file: Path | None = None) -> Starlette:
    """API, pay page and control API over the books; delivers webhooks and saves to `file` while it runs."""
    books.tell = courier.hand_over
    if file is not None and file.exists():
        books.load(file)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        work = [asyncio.create_task(courier.run()), asyncio.create_task(_beat(books, file))]
        yield
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        if file is not None:
            books.save(file)

    return Starlette(
        routes=[
            Route("/healthz", lambda request: JSONResponse({"ok": True})),
            *Api(books, _public_url).routes(),
            *pay_routes(books),
            *control_routes(books, courier),
        ],
        lifespan=lifespan,
    )


class PaymentSimulator:
    """A running simulator; port 0 takes a free one. Its events go to `webhook`, signed with `secret`.

    With `socket` they go there, whatever the webhook's host; its address then only gives path and Host.
    """

    def __init__(
        self, *, webhook: str = "", secret: str = DEFAULT_SECRET, port: int = 0, file: Path | None = None,
        socket: str = "",
    ) -> None:  # fmt: skip
        self.books = Books()
        self.courier = Courier(webhook, secret, socket)
        self._web = Hosted(payment_app(self.books, self.courier, file), port=port)

    @property
    def url(self) -> str:
        """The API's base (in place of https://api.stripe.com)."""
        return self._web.url

    def start(self) -> Self:
        self._web.start()
        return self

    def stop(self) -> None:
        self._web.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _public_url(request: Request) -> str:
    return str(request.base_url).rstrip("/")


async def _beat(books: Books, file: Path | None) -> None:
    while True:
        await asyncio.sleep(_BEAT_SECONDS)
        settle_due(books, books.now())
        if file is not None and books.changed:
            books.save(file)

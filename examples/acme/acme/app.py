"""The application: everything put together. `uvicorn --factory acme.app:create_app`."""

import contextlib
import logging
from collections.abc import AsyncIterator

import httpx
from fastapi import Depends, FastAPI
from fastapi.staticfiles import StaticFiles
from sqlalchemy.orm import sessionmaker
from starlette.middleware.cors import CORSMiddleware

from acme import __version__
from acme.api import routes as api
from acme.database import make_engine
from acme.faults.defects import install_defects
from acme.faults.engine import FaultEngine
from acme.faults.routes import fault_router
from acme.flags import start_flags
from acme.mail import Send, smtp_sender
from acme.payments.client import PaymentClient
from acme.settings import Settings
from acme.telemetry.setup import start_telemetry
from acme.web import auth, billing, contact, projects, public, security, team, webhooks
from acme.web.errors import install_error_pages
from acme.web.headers import SecurityHeaders
from acme.web.identity import protect_form
from acme.web.render import HERE


def create_app(
    settings: Settings | None = None,
    *,
    send: Send | None = None,
    payment_transport: httpx.BaseTransport | None = None,
) -> FastAPI:
    """Make the application; tests pass their own settings, mail sender and payment transport."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = settings or Settings.from_environment()
    engine = make_engine(settings)
    faults = FaultEngine(engine) if settings.faults else None

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if faults:
            faults.start()
        yield
        if faults:
            faults.stop()
        app.state.payments.close()
        engine.dispose()
        stop_telemetry()

    app = FastAPI(
        title="acme",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
        dependencies=[Depends(faults.disturb)] if faults else [],
    )
    app.state.settings = settings
    app.state.engine = engine
    app.state.sessions = sessionmaker(engine, expire_on_commit=False)
    app.state.send = send or smtp_sender(settings.smtp, settings.mail_from)
    app.state.payments = PaymentClient(settings.stripe_url, settings.stripe_key, payment_transport)
    app.add_middleware(SecurityHeaders, pay=settings.stripe_pay_origin, https=settings.https)
    if settings.origins:
        # Other front ends of ours may call the API, by key: no cookies, exact origins.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=[origin.strip() for origin in settings.origins.split(",")],
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
        )
    if settings.faults and settings.defects:
        install_defects(app, settings.defects)
    install_error_pages(app)
    for pages in (public, auth, security, projects, billing, team):
        app.include_router(pages.router, dependencies=[Depends(protect_form)])
    app.include_router(contact.router)
    app.include_router(webhooks.router)
    app.include_router(api.router)
    if faults:
        app.include_router(fault_router(faults, settings.faults_token))
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    stop_telemetry = start_telemetry(app, engine)
    start_flags(settings)
    return app

"""The switchboard: `POST /_faults/<name>` with the token, body `{"seconds": 60, "route": "/app/reports", …}`."""

import hmac
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, HTTPException

from acme.faults.engine import FaultEngine
from acme.faults.switches import WrongFault


def fault_router(engine: FaultEngine, token: str) -> APIRouter:
    """Routes that do not exist unless faults are allowed; without the token they answer as if they did not."""
    router = APIRouter(prefix="/_faults", include_in_schema=False)

    def permitted(authorization: str) -> None:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise HTTPException(404)

    def states() -> dict[str, Any]:
        return {"active": [asdict(active) for active in engine.active()]}

    @router.get("")
    def show(authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
        permitted(authorization)
        return states()

    @router.post("/{name}")
    def switch_on(
        name: str,
        settings: Annotated[dict[str, Any] | None, Body()] = None,
        authorization: Annotated[str, Header()] = "",
    ) -> dict[str, Any]:
        permitted(authorization)
        given = dict(settings or {})
        try:
            seconds = float(given.pop("seconds")) if given.get("seconds") is not None else None
            engine.switch_on(name, given, seconds)
        except (WrongFault, TypeError, ValueError) as error:
            raise HTTPException(422, str(error)) from error
        return states()

    @router.delete("")
    def all_off(authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
        permitted(authorization)
        engine.switch_off()
        return states()

    @router.delete("/{name}")
    def switch_off(name: str, authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
        permitted(authorization)
        engine.switch_off(name)
        return states()

    return router

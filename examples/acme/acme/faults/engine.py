"""Puts faults in force in this worker: follows the shared switches and does what they say."""

import asyncio
import logging
import os
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import Request
from sqlalchemy import Connection, Engine, create_engine, delete, exc, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.pool import NullPool

from acme.faults.switches import Active, Fault, on_now, read
from acme.models import FaultSwitch

logger = logging.getLogger(__name__)

_BEAT_SECONDS = 0.5
_EXIT_CODE = 70
_WEBHOOK_ROUTE = "/webhooks/payments"


class InjectedError(RuntimeError):
    """An error that was asked for."""


class SignupsClosed(Exception):
    """Nobody can sign up at the moment."""


class FaultEngine:
    """The faults of this worker. Reads switches over connections of its own, not from the pool that it may empty."""

    def __init__(self, engine: Engine) -> None:
        self._pool = engine
        self._own = create_engine(engine.url, poolclass=NullPool)
        self._active: dict[Fault, Active] = {}
        self._leaked: list[Connection] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="faults", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(5)
        self._give_back()
        self._own.dispose()

    def switch_on(self, name: str, settings: dict[str, Any], seconds: float | None) -> Active:
        """Switch a fault on for all workers, for so many seconds or until it is switched off. Raises WrongFault."""
        until = datetime.now(UTC) + timedelta(seconds=seconds) if seconds is not None else None
        active = read(name, settings, until)
        values = {"name": name, "settings": settings, "until": until}
        row = insert(FaultSwitch).values(values).on_conflict_do_update(index_elements=["name"], set_=values)
        with self._own.begin() as connection:
            connection.execute(row)
        self._active[active.fault] = active
        return active

    def switch_off(self, name: str | None = None) -> None:
        """Switch one fault off, or all."""
        with self._own.begin() as connection:
            connection.execute(delete(FaultSwitch).where(FaultSwitch.name == name) if name else delete(FaultSwitch))
        self._active = {fault: active for fault, active in self._active.items() if name and fault != name}

    def active(self) -> list[Active]:
        """What is on in this worker."""
        return list(on_now(self._active.values(), datetime.now(UTC)).values())

    async def disturb(self, request: Request) -> None:
        """A dependency of every route: waits, raises, or lets pass. The control routes are spared."""
        route = getattr(request.scope.get("route"), "path", "")
        if route.startswith("/_faults"):
            return
        on = on_now(self._active.values(), datetime.now(UTC))
        slow, errors = on.get(Fault.SLOW), on.get(Fault.ERRORS)
        if slow and slow.concerns(route, random.random()):  # noqa: S311
            await asyncio.sleep(slow.delay_seconds)
        if Fault.SIGNUPS in on and route == "/signup":
            raise SignupsClosed
        if Fault.WEBHOOKS in on and route == _WEBHOOK_ROUTE:
            raise InjectedError("payment event could not be processed: ledger is locked")
        if errors and errors.concerns(route, random.random()):  # noqa: S311
            raise InjectedError(f"something broke on {route}")

    def _follow(self) -> None:
        while not self._ended.wait(_BEAT_SECONDS):
            try:
                self._beat()
            except exc.SQLAlchemyError as error:
                logger.warning("faults could not be read: %s", error)

    def _beat(self) -> None:
        with self._own.connect() as connection:
            rows = connection.execute(select(FaultSwitch.name, FaultSwitch.settings, FaultSwitch.until)).all()
        now = datetime.now(UTC)
        self._active = on_now([read(*row) for row in rows], now)
        if Fault.CRASH in self._active:
            os._exit(_EXIT_CODE)
        leak = self._active.get(Fault.LEAK)
        if leak is None:
            self._give_back()
        elif len(self._leaked) < leak.connections:
            self._take_one()

    def _take_one(self) -> None:
        try:
            self._leaked.append(self._pool.connect())
        except exc.SQLAlchemyError:
            logger.warning("no connection is left to leak")

    def _give_back(self) -> None:
        while self._leaked:
            self._leaked.pop().close()

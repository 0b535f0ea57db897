"""Tells browsers at once that an incident moved, and who else has its page open: server-sent events.

A browser that hears "moved" asks for the parts of the page that move; without events it asks every 20 seconds.
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256

import orjson
from asgiref.sync import sync_to_async
from django.db import Error, close_old_connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404

from golive.console.frame import project_of
from golive.incidents.models import DutyHeld, Incident, Source, TimelineEntry

LOOK_SECONDS = 0.5
PING_SECONDS = 15.0
MOST = 200  # streams in one web process; who comes later is told to ask from time to time


@dataclass
class Watchers:
    """Who looks at which incident in this process, and the last sign of each: one look serves all who watch."""

    people: dict[int, Counter[str]] = field(default_factory=dict)
    signs: dict[int, tuple[float, str]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(who.total() for who in self.people.values())

    def come(self, pk: int, who: str) -> None:
        self.people.setdefault(pk, Counter())[who] += 1

    def go(self, pk: int, who: str) -> None:
        here = self.people[pk]
        here[who] -= 1
        if here[who] <= 0:
            del here[who]
        if not here:
            del self.people[pk]
            self.signs.pop(pk, None)

    def here(self, pk: int) -> list[str]:
        return sorted(self.people.get(pk, ()))

    async def sign(self, pk: int) -> str:
        """Changes whenever the page would. The last one while the database is away."""
        at, sign = self.signs.get(pk, (0.0, ""))
        if time.monotonic() - at < LOOK_SECONDS:
            return sign
        self.signs[pk] = (time.monotonic(), sign)  # others need not look meanwhile
        try:
            sign = await sync_to_async(fingerprint, thread_sensitive=False)(pk)
        except Error:
            return sign
        if pk in self.people:
            self.signs[pk] = (time.monotonic(), sign)
        return sign


WATCHERS = Watchers()


def fingerprint(pk: int) -> str:
    """What the page shows of an incident, in few letters: its state and clocks, lines and how messages fare, roles."""
    close_old_connections()
    incident = Incident.objects.filter(pk=pk).values_list()
    lines = TimelineEntry.objects.filter(incident=pk).order_by("-id").values_list("id", "message__state")
    sources = Source.objects.filter(incident=pk).values_list("id", "state", "severity")
    duties = DutyHeld.objects.filter(incident=pk).values_list("duty", "who")
    found = [list(incident), list(lines[:300]), list(sources), list(duties)]
    return sha256(repr(found).encode()).hexdigest()[:16]


async def events(request: HttpRequest, slug: str, number: int) -> HttpResponseBase:
    """The stream of one incident."""
    incident = await sync_to_async(_incident)(request, slug, number)
    if WATCHERS.count >= MOST:
        return HttpResponse(status=204)  # which tells an EventSource not to come again
    who = str((await request.auser()).get_username())
    answer = StreamingHttpResponse(_stream(incident.pk, who), content_type="text/event-stream")
    answer["Cache-Control"] = "no-store"
    answer["X-Accel-Buffering"] = "no"
    return answer


async def _stream(pk: int, who: str) -> AsyncIterator[bytes]:
    WATCHERS.come(pk, who)
    try:
        seen: tuple[str, list[str]] = (await WATCHERS.sign(pk), [])
        said = time.monotonic()
        yield b"retry: 2000\n\n"
        while True:
            now = (await WATCHERS.sign(pk), WATCHERS.here(pk))
            if now[1] != seen[1]:
                yield _event("here", now[1])
            if now[0] != seen[0]:
                yield _event("moved", now[0])
            if now != seen:
                seen, said = now, time.monotonic()
            elif time.monotonic() - said > PING_SECONDS:
                said = time.monotonic()
                yield b": still here\n\n"
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        WATCHERS.go(pk, who)


def _event(name: str, told: object) -> bytes:
    return f"event: {name}\ndata: ".encode() + orjson.dumps(told) + b"\n\n"


def _incident(request: HttpRequest, slug: str, number: int) -> Incident:
    return get_object_or_404(Incident, project=project_of(request, slug), number=number)

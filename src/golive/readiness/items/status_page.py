"""Status page: live, anonymous, apart from the product, fresh, and it tells of an incident and of its end."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from golive.config.values import Resolved
from golive.people.models import Project
from golive.readiness.asking import Ask, Site
from golive.readiness.inputs import of_settings, short
from golive.readiness.item import Area, Item, Subject
from golive.readiness.planted import planted
from golive.readiness.rehearsal import told_and_ended
from golive.readiness.verdict import Control, Report
from golive.statuspage.models import Component
from golive.statuspage.publish import public_url

FRESH = timedelta(minutes=5)


class StatusPageSettings(BaseModel):
    """The status page."""

    model_config = ConfigDict(extra="forbid")
    url: Resolved = ""
    """Where customers see it; default: golive's own address of it."""


def examine_site(site: Site, product: str, now: datetime) -> Report:
    """The page and its JSON, asked by nobody in particular."""
    report = Report(expected=2)
    page, summary = site.all([Ask("/"), Ask("/api/v2/summary.json")])
    for what, answer in (("the page", page), ("its summary", summary)):
        if answer is None:
            report.doubt(what, f"{what} at {site.url} did not answer", "golive up")
        else:
            report.examined += 1
            if answer.status != 200:
                report.convict(what, f"{what} answers {answer.status} to somebody who is not logged in")
    if urlsplit(site.url).netloc == urlsplit(product).netloc:
        report.convict("host", "it is on the product's own host, so it goes down with the product")
    if summary is not None and summary.status == 200:
        _judge(report, _read(summary.body), now)
    report.exchanges = list(site.exchanges)
    return report


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _judge(report: Report, summary: Mapping[str, Any], now: datetime) -> None:
    parts = summary.get("components")
    if not isinstance(parts, list) or not parts:
        report.convict("components", "it names no component, so it says nothing about the product")
        return
    unknown = [part.get("name") for part in parts if part.get("status") == "unknown"]
    if len(unknown) == len(parts):
        report.convict("conditions", "it knows the state of none of its components: nothing is checked")
    try:
        at = datetime.fromisoformat(str(summary["page"]["updated_at"]).replace("Z", "+00:00"))
    except (KeyError, TypeError, ValueError):
        report.convict("freshness", "it does not say when it was written")
        return
    if at < now - FRESH:
        report.convict("freshness", f"it was last written at {at:%d %b %H:%M} UTC: it would not tell of an outage")
    report.facts["components"] = {str(part.get("name")): str(part.get("status")) for part in parts}


def examine(subject: Subject) -> Report:
    wanted = subject.settings("status_page", StatusPageSettings)
    url = wanted.url or public_url(subject.project)
    report = examine_site(Site(url, policy=subject.policy), subject.url, datetime.now(UTC))
    report.absorb(told_and_ended(subject.now))
    return report


def _app(*, components: bool = True, written: timedelta = timedelta(), closed: bool = False) -> Starlette:
    async def page(request: Request) -> Response:
        return HTMLResponse("log in", 401) if closed else HTMLResponse("All systems operational")

    async def summary(request: Request) -> Response:
        parts = [{"name": "API", "status": "operational"}] if components else []
        at = (datetime.now(UTC) - written).isoformat()
        return JSONResponse({"page": {"updated_at": at}, "components": parts})

    return Starlette(routes=[Route("/", page), Route("/api/v2/summary.json", summary)])


def controls() -> list[Control]:
    def look(product: str) -> Callable[[Site], Report]:
        return lambda site: examine_site(site, product or site.url, datetime.now(UTC))

    elsewhere = look("https://acme.example")
    return [
        planted("names no component", True, _app(components=False), elsewhere),
        planted("was written yesterday", True, _app(written=timedelta(days=1)), elsewhere),
        planted("asks for a login", True, _app(closed=True), elsewhere),
        planted("is on the product's host", True, _app(), look("")),
        planted("is live", False, _app(), elsewhere),
    ]


def _print_of_page(subject: Subject) -> str:
    names = Component.objects.filter(project__in=Project.objects.filter(pk=subject.number)).values_list(
        "name", "checks", "rules"
    )
    return short(repr(list(names)))


ITEM = Item(
    key="status_page",
    order=16,
    area=Area.LAUNCH,
    title="Status page live",
    question="Do customers learn the truth when the product does not answer?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: {
        "configuration": of_settings(subject, "status_page"),
        "components": _print_of_page(subject),
        "target": subject.url,
    },
    settings=StatusPageSettings,
    every=timedelta(hours=1),
    lasts=timedelta(hours=24),
)

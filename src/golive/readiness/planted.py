"""Planted targets for controls: small applications that are wrong in one way, or right, on a port of their own."""

import ipaddress
from collections.abc import Callable
from datetime import timedelta

from starlette.types import ASGIApp

from golive.kit.connections import Policy
from golive.readiness.asking import Site
from golive.readiness.verdict import CannotTell, Control, Report
from golive.sandbox.hosting import Hosted

LOOPBACK = Policy((ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")))
PATIENCE = timedelta(seconds=30)


def planted(name: str, bad: bool, app: ASGIApp, examine: Callable[[Site], Report]) -> Control:
    """Host the application and examine it just as the real target is."""
    with Hosted(app) as hosted:
        site = Site(hosted.url, policy=LOOPBACK, patience=PATIENCE)
        return judged(name, bad, lambda: examine(site))


def judged(name: str, bad: bool, examine: Callable[[], Report]) -> Control:
    """A control that needs no server. What it cannot tell is a doubt, so a good one does not hold."""
    try:
        return Control(name, bad, examine())
    except CannotTell as error:
        return Control(name, bad, Report(doubts=[error.doubt]))

"""The failures: how each begins and ends, and what golive must make of it."""

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.outages.world import PATIENCE, World


@dataclass(frozen=True)
class Fault:
    """`scope` is the verdict that must come ("" for none), `pages` whether somebody must be woken."""

    name: str
    begin: Callable[[World], object]
    end: Callable[[World], object]
    scope: str = "global"
    pages: bool = True
    note: str = ""
    source: str = "check:"
    seconds: float = field(default=0.0)  # how long to watch where nothing may come, in intervals


def flap(world: World) -> None:
    """For five intervals the site fails for a tenth of an interval, in turn with a half in which it is well."""
    end = time.monotonic() + 5 * world.pace.every
    while time.monotonic() < end:
        world.mood("broken")
        time.sleep(world.pace.every / 10)
        world.mood("well")
        time.sleep(world.pace.every / 2)


def power_cut(world: World) -> None:
    """The site dies, a probe notices, and golive is killed as by a power cut, and started again."""
    world.kill_shop()
    time.sleep(world.pace.every / 6)
    world.install.kill_all()
    world.install.start(PATIENCE)


def mail_away(world: World) -> None:
    """The mail server refuses, the site dies; after two intervals the mail server is back."""
    world.mail.refuse(451)
    world.kill_shop()
    threading.Timer(2 * world.pace.every, world.mail.accept).start()


FAULTS = [
    Fault("the process is dead", World.kill_shop, World.open_shop),
    Fault(
        "the socket hangs",
        lambda world: world.stop_shop(signal.SIGSTOP),
        lambda world: world.stop_shop(signal.SIGCONT),
    ),
    Fault("TLS expired", lambda world: world.mood("expired"), lambda world: world.mood("well")),
    Fault(
        "one region is cut off",
        lambda world: world.lands.cut("site", "us"),
        lambda world: world.lands.mend("site", "us"),
        scope="regional",
        pages=False,
        note="a warning, not a page",
    ),
    Fault(
        "answers are slow",
        lambda world: world.mood(f"slow {world.pace.latency * 1.5}"),
        lambda world: world.mood("well"),
    ),
    Fault("it flaps, shorter than it takes to confirm", flap, lambda world: world.mood("well"), "", False, seconds=1),
    Fault(
        "a probe is dead",
        lambda world: world.kill_probe("us"),
        lambda world: world.start_probe("us"),
        scope="",
        pages=False,
        note="a warning about the probe",
        source="probe:",
    ),
    Fault("golive is killed in the middle", power_cut, World.open_shop),
    Fault("the mail server is down while paging", mail_away, World.open_shop, note="counted from the failure"),
]

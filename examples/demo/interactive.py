"""The demo for people: where to look, what to try, and an outage at the press of a key."""

import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from rich.console import Console

from examples.demo.acme import AcmeError
from examples.demo.world import PERSON, PROJECT, World


def offer(world: World, console: Console) -> None:
    """Say where everything is, then act on keys until `q` or Ctrl-C."""
    url = world.install.url
    console.print()
    console.print(f"  [bold]console[/]      {url}/p/{PROJECT}/   sign in as {PERSON} with {world.password}")
    console.print(f"  [bold]status page[/]  {url}/status/{PROJECT}/")
    console.print(f"  [bold]mail[/]         {world.mail.url}/   pages and acme's own mail arrive here")
    console.print(f"  [bold]acme[/]         {world.acme.url}/   sign up and be a customer yourself")
    console.print()
    actions = keys(world)
    for key, (what, _) in actions.items():
        console.print(f"  press [bold]{key}[/] to {what}")
    console.print("  press [bold]q[/] to end the demo\n")
    for key in pressed():
        if key in ("q", "\x03", "\x04"):
            return
        if key in actions:
            what, act = actions[key]
            console.print(f"  {what} ...")
            try:
                act()
            except (httpx.HTTPError, AcmeError) as error:
                console.print(f"  [red]that did not work[/]: {error}")


def keys(world: World) -> dict[str, tuple[str, Callable[[], None]]]:
    """What each key does to acme."""
    acme = world.acme
    return {
        "k": ("kill acme and watch golive notice, page and tell customers", acme.kill),
        "s": ("start acme again", lambda: None if acme.running else acme.begin()),
        "e": (
            "make acme's report page fail for a minute",
            lambda: acme.fault("errors", route="/app/reports", seconds=60),
        ),
        "w": ("make all of acme slow for a minute", lambda: acme.fault("slow", seconds=60, delay_seconds=3)),
        "l": ("leak acme's database connections for two minutes", lambda: acme.fault("leak", seconds=120)),
        "p": ("make payment webhooks fail for a minute", lambda: acme.fault("webhooks", seconds=60)),
        "m": ("mend: switch all faults off", acme.mend),
    }


def pressed() -> Iterator[str]:
    """Keys as they are pressed; lines when this is not a terminal. Ends with the input."""
    if not sys.stdin.isatty():
        for line in sys.stdin:
            yield from line.strip()
        return
    with unbuffered():
        while True:
            if select.select([sys.stdin], [], [], 0.5)[0]:
                yield sys.stdin.read(1)


@contextmanager
def unbuffered() -> Iterator[None]:
    """The terminal gives each key at once."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)

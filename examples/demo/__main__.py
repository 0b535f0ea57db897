"""`make demo`: golive watches acme under traffic. --headless plays and asserts the whole story."""

import argparse
import signal
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from examples.demo import interactive, story
from examples.demo.story import Times
from examples.demo.world import Options, World

ROOT = Path(__file__).resolve().parents[2]
console = Console(highlight=False)
BEGAN = time.monotonic()


def say(text: str) -> None:
    console.print(f"[dim]{time.monotonic() - BEGAN:6.1f} s[/]  {escape(text)}", soft_wrap=True)


def show(times: Times) -> None:
    """The measured times, each from the failure."""
    table = Table(title="From failure to the end", box=None, title_justify="left")
    table.add_column("")
    table.add_column("after the failure", justify="right")
    for name, seconds in times.table():
        label = {"published": "status page", "paged": "paged (mail at the SMTP server)"}.get(name, name)
        table.add_row(label, f"{seconds:.1f} s")
    console.print(table)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--headless", action="store_true", help="play and assert the whole story, then end")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="where everything is kept (it is emptied)")
    parser.add_argument("--rate", type=float, default=8, help="requests a second of acme's customers")
    chosen = parser.parse_args()
    ports = {"port": 0, "ingest_port": 0} if chosen.headless else {"port": 8400, "ingest_port": 4318}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with World(Options(chosen.folder.absolute(), requests_per_second=chosen.rate, **ports), say) as world:
        try:
            world.build()
            if chosen.headless:
                times = story.tell(world, say)
            else:
                interactive.offer(world, console)
                return 0
        except KeyboardInterrupt:
            return 130
        except Exception as error:
            console.print(world.last_words(), markup=False, style="dim", soft_wrap=True)
            console.print(f"failed: {error}", markup=False, style="red", soft_wrap=True)
            return 1
    show(times)
    say("done: every step held")
    return 0


if __name__ == "__main__":
    sys.exit(main())

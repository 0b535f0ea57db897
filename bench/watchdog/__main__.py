"""`python -m bench.watchdog [--every 10]`: two installs watch each other; each is killed -9 in turn, the other pages.

Prints how long it took from the kill to the mail in a real mailbox, and from the restart to the mail that it is back.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from examples.demo.install import Install
from golive.sandbox.mail import MailSink

PATIENCE_SECONDS = 600
TOML = """
[app]
name = "acme"
[notify]
email = "smtp://127.0.0.1:{smtp}"
from = "golive@{name}.example"
[oncall]
people = ["{who}@acme.example"]
[checks.other-golive]
kind = "heartbeat"
every = "{every}s"
grace = "{every}s"
[watchdog]
every = "{every}s"
pings = {pings}
"""


class Side:
    """One of the two: an install, its mailbox, whoever it pages."""

    def __init__(self, folder: Path, name: str, who: str, every: int) -> None:
        self.name, self.who, self.every = name, who, every
        self.folder = folder / name
        self.sink = MailSink(folder / f"mail-{name}").__enter__()
        self.install = Install(self.folder, environment={"GOLIVE_ALLOW_PRIVATE": "127.0.0.0/8"}).start()
        self.install.run("project", "add", "acme")

    def apply(self, pings: list[str]) -> None:
        """Put golive.toml in force."""
        file = self.folder / "golive.toml"
        said = {"smtp": self.sink.smtp_port, "name": self.name, "who": self.who, "every": self.every}
        file.write_text(TOML.format(**said, pings=json.dumps(pings)))
        self.install.run("apply", str(file), "--project", "acme", "--yes")

    def heartbeat(self) -> str:
        """The address that the other pings."""
        said = self.install.attempt("checks", "run", "other-golive", "--project", "acme")
        return next(word.rstrip(".") for word in said.stderr.split() if "/ping/" in word)

    def hears(self) -> bool:
        """Whether the other's pings arrive."""
        return self.install.attempt("checks", "--project", "acme").returncode == 0

    def mails(self, subject: str) -> int:
        return len(self.sink.mailbox.messages(subject=subject))

    def close(self) -> None:
        self.install.stop()
        self.sink.__exit__(None, None, None)


def wait(holds: Callable[[], bool], what: str) -> float:
    """Seconds until it holds."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > PATIENCE_SECONDS:
            sys.exit(f"{what}: not within {PATIENCE_SECONDS} s")
        time.sleep(0.1)
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=10, help="Seconds between pings; the grace is as long.")
    every = parser.parse_args().every
    console, table = Console(), Table("killed", "who pages", "from kill to mail", "from restart to mail", box=None)
    with tempfile.TemporaryDirectory(prefix="golive-watchdog-") as folder:
        one, other = Side(Path(folder), "one", "ada", every), Side(Path(folder), "other", "ben", every)
        try:
            one.apply([])
            other.apply([one.heartbeat()])
            one.apply([other.heartbeat()])
            for side in (one, other):  # each has heard the other at least once
                wait(side.hears, f"{side.name} hears the other")
            for watcher, watched in ((one, other), (other, one)):
                paged, back = watcher.mails("[critical]"), watcher.mails("[recovered]")
                watched.install.kill_all()
                down = wait(lambda w=watcher, n=paged: w.mails("[critical]") > n, f"{watcher.name} pages")
                watched.install.start()
                up = wait(lambda w=watcher, n=back: w.mails("[recovered]") > n, f"{watcher.name} says it is back")
                table.add_row(watched.name, watcher.name, f"{down:.1f} s", f"{up:.1f} s")
            console.print(table)
            console.print(
                f"a ping every {every} s, {every} s of grace: at most {2 * every + 10} s to the page expected"
            )
        finally:
            one.close()
            other.close()


if __name__ == "__main__":
    main()

"""The probe that is measured, as `golive probe` runs it: its loop, its outbox on disk; only the server is left out."""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
django.setup()

from golive.alerts.models import State  # noqa: E402 (needs Django's tables)
from golive.checks.kinds.http import HttpSection  # noqa: E402
from golive.checks.outbox import Outbox  # noqa: E402
from golive.checks.probe import Result, Target  # noqa: E402
from golive.checks.prober import Prober  # noqa: E402
from golive.checks.remote import look_of  # noqa: E402
from golive.checks.verdict import Position  # noqa: E402
from golive.kit.connections import Policy  # noqa: E402


class Keeper:
    """Ten thousand definitions; results go to the outbox, as on a probe that keeps them for its server."""

    def __init__(self, url: str, count: int, every: timedelta, folder: Path) -> None:
        self.outbox = Outbox(folder / "outbox.db")
        urls = {number: f"{url}/{number}" for number in range(count)}
        self.all: dict[int, tuple[Target, Position]] | None = {
            number: (
                Target(number, "bench", f"c{number}", one, every, wanted=HttpSection(url=one, contains="ok")),
                Position(State.UNKNOWN),
            )
            for number, one in urls.items()
        }

    def targets(self) -> dict[int, tuple[Target, Position]] | None:
        found, self.all = self.all, None
        return found

    def record(self, results: Sequence[Result]) -> None:
        self.outbox.add([look_of(result) for result in results])
        first, looks = self.outbox.first(5_000)
        self.outbox.forget(first + len(looks) - 1)

    def beat(self, at: datetime, numbers: Sequence[int], details: dict[str, Any]) -> None:
        print(details, flush=True)

    def asked(self) -> Sequence[int]:
        return ()


def main() -> None:
    url, count, seconds, folder = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    keeper = Keeper(url, count, timedelta(seconds=seconds), folder)
    prober = Prober(keeper, "0" * 12, Policy.from_environment(), region="bench")
    thread = threading.Thread(target=prober.run, args=(stop,), daemon=True)
    thread.start()
    stop.wait()
    thread.join(20)


if __name__ == "__main__":
    main()

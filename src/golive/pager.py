"""The pager process: probes, rules, incidents, escalations, outbox. The last to go, so nothing heavy runs here.

It knows none of them by name: each room's `tasks.py` lists its work.
"""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
django.setup()

from golive.jobs.process import run  # noqa: E402 (needs Django's tables)
from golive.kit.periodic import Process  # noqa: E402
from golive.telemetry import facts  # noqa: E402


def main() -> int:
    """Run until SIGTERM; what was recorded but not yet loaded waits on disk for the next start."""
    facts.start_loader("pager")
    code = run(Process.PAGER)
    facts.stop_loader()
    return code


if __name__ == "__main__":
    sys.exit(main())

"""The jobs process: `python -m golive.jobs`. The queue's worker, and periodic work too heavy for the pager."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
django.setup()

from golive.jobs.process import main  # noqa: E402 (needs Django's tables)

if __name__ == "__main__":
    sys.exit(main())

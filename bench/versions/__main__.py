"""`python -m bench.versions`: see bench.versions.rooms."""

import os
import tempfile

DATA = tempfile.TemporaryDirectory(prefix="golive-bench-versions-")
os.environ["GOLIVE_DATA"] = DATA.name
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")

import django  # noqa: E402

django.setup()

from bench.versions.rooms import main  # noqa: E402

if __name__ == "__main__":
    with DATA:
        main()

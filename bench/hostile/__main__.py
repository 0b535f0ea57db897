"""`python -m bench.hostile`: see bench.hostile.wide."""

import os
import tempfile

DATA = tempfile.TemporaryDirectory(prefix="golive-bench-hostile-")
os.environ["GOLIVE_DATA"] = DATA.name
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")

import django  # noqa: E402

django.setup()

from bench.hostile.wide import main  # noqa: E402

if __name__ == "__main__":
    with DATA:
        main()

"""`python -m bench.versions`: see bench.versions.rooms."""

import os
import tempfile

os.environ.setdefault("GOLIVE_DATA", tempfile.mkdtemp(prefix="golive-bench-versions-"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")

import django

django.setup()

from bench.versions.rooms import main  # noqa: E402

if __name__ == "__main__":
    main()

"""`python -m bench.review`: see bench.review.weeks."""

import os
import tempfile

DATA = tempfile.TemporaryDirectory(prefix="golive-bench-review-")
os.environ["GOLIVE_DATA"] = DATA.name
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")

import django  # noqa: E402

django.setup()

from bench.review.weeks import main  # noqa: E402

if __name__ == "__main__":
    with DATA:
        main()

"""A data folder of a bench's own, with Django set up in it: before anything that needs its tables is imported."""

import os
import tempfile

import django


def apart(name: str) -> tempfile.TemporaryDirectory[str]:
    """The folder; it goes when the context is left."""
    folder = tempfile.TemporaryDirectory(prefix=f"golive-bench-{name}-")
    os.environ["GOLIVE_DATA"] = folder.name
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "golive.settings")
    django.setup()
    return folder

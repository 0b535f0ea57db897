"""Values that golive.toml only refers to: `env:NAME`, `file:PATH`, `secret:NAME`."""

import os
from pathlib import Path

SCHEMES = ("env:", "file:", "secret:")


class BrokenReference(Exception):
    """A reference leads nowhere; the message says which and how to mend it."""


def is_reference(text: str) -> bool:
    return text.startswith(SCHEMES)


def value(text: str) -> str:
    """The value behind a reference, or the text itself when it is none. Raises BrokenReference."""
    if text.startswith("env:"):
        name = text[4:]
        if name not in os.environ:
            raise BrokenReference(f"The environment variable {name} is not set for `golive up`.")
        return os.environ[name]
    if text.startswith("file:"):
        try:
            return Path(text[5:]).read_text().strip()
        except OSError as error:
            raise BrokenReference(f"The file {text[5:]} cannot be read: {error.strerror}.") from error
    return text

"""Keeps secrets out of logs: each value, and the forms in which tools print it, becomes ***."""

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "***"
SHORTEST = 4  # a value shorter than this would hide half of the log, and is no secret


def forms(value: str) -> set[str]:
    """A value as it is, each of its lines, percent-encoded, in base64 and JSON-escaped."""
    found = {value, quote(value, safe=""), base64.b64encode(value.encode()).decode().rstrip("=")}
    found |= {value.replace("\\", "\\\\").replace('"', '\\"'), *(line.strip() for line in value.splitlines())}
    return {form for form in found if len(form) >= SHORTEST}


class Mask:
    """Hides a set of values in lines of text."""

    def __init__(self, values: Iterable[str]) -> None:
        found = sorted({form for value in values for form in forms(value)}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, found))) if found else None

    def hide(self, text: str) -> str:
        """The text without any of the values."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text

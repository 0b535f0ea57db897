"""Patterns for files as people write them in golive.toml: `src/**`, `*.toml`, `**/test_*.py`, `!docs/**`."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
_MEANING = {"**/": "(?:.+/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    text = "".join(_MEANING.get(token) or re.escape(token) for token in _TOKEN.findall(pattern.removesuffix("/")))
    return re.compile(f"{text}(?:/.*)?" if not pattern.endswith("*") else text)


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether a path is meant: the last pattern that fits decides, `!` excludes; a folder means all below it."""
    meant = False
    for pattern in patterns:
        if _compiled(pattern.removeprefix("!")).fullmatch(path):
            meant = not pattern.startswith("!")
    return meant


def chosen(paths: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The paths that the patterns mean, sorted."""
    return sorted(path for path in paths if matches(path, patterns))

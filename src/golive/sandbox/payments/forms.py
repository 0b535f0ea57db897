"""Stripe's form encoding: `items[0][price]=x&metadata[a]=b&expand[]=c` to nested values."""

import re
from typing import Any
from urllib.parse import parse_qsl

_PART = re.compile(r"\[([^\]]*)\]")
_DEEPEST = 8


def decode(encoded: str) -> dict[str, Any]:
    """Read a form or query string. Numbered and empty brackets make lists; everything else stays text."""
    tree: dict[str, Any] = {}
    for key, value in parse_qsl(encoded, keep_blank_values=True):
        head, *_ = key.split("[", 1)
        path = [head, *_PART.findall(key)][:_DEEPEST]
        _place(tree, path, value)
    return {key: _lists(value) for key, value in tree.items()}


def _place(tree: dict[str, Any], path: list[str], value: str) -> None:
    for part in path[:-1]:
        below = tree.setdefault(part, {})
        if not isinstance(below, dict):
            return
        tree = below
    last = path[-1]
    tree[last if last else str(len(tree))] = value


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _lists(item) for key, item in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner

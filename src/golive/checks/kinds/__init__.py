"""The registry of check kinds: every module of this folder that has a `KIND` is one. Copy one to start the next."""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from golive.checks.kind import Kind


def _found() -> dict[str, Kind]:
    modules = (import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return {module.KIND.name: module.KIND for module in modules}


KINDS: Mapping[str, Kind] = _found()
SCHEMES: Mapping[str, str] = {scheme: kind.name for kind in KINDS.values() for scheme in kind.schemes}


def kind_of(given: Any) -> str:
    """The kind that a table of golive.toml means: what it says, else what the scheme of its url says, else http."""
    if not isinstance(given, dict):
        return str(getattr(given, "kind", "http"))
    if "kind" in given:
        return str(given["kind"])
    if "file" in given:
        return "journey"
    return SCHEMES.get(str(given.get("url", "")).partition("://")[0], "http")

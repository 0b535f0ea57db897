"""The registry of items: every module of this folder that has an `ITEM` is one. Copy one to start the next."""

import pkgutil
from collections.abc import Mapping
from importlib import import_module

from golive.readiness.item import Item


def _found() -> dict[str, Item]:
    modules = (import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    items = sorted((module.ITEM for module in modules if hasattr(module, "ITEM")), key=lambda item: item.order)
    return {item.key: item for item in items}


ITEMS: Mapping[str, Item] = _found()

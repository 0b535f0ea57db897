"""The registry of collectors: every module of this folder that has a `COLLECTOR` is one."""

import pkgutil
from collections.abc import Mapping
from importlib import import_module

from golive.postgres.look.collector import Collector


def _found() -> dict[str, Collector]:
    modules = (import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    collectors: list[Collector] = [module.COLLECTOR for module in modules]
    return {one.name: one for one in sorted(collectors, key=lambda one: (one.order, one.name))}


COLLECTORS: Mapping[str, Collector] = _found()

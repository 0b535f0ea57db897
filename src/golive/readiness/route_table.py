"""Prints an application's own route table as JSON: run by the application's Python, so the standard library alone.

`route_table.py acme.app:create_app` - FastAPI, Starlette, Flask or Django (`django:project.settings`).
"""

import contextlib
import importlib
import json
import os
import pathlib
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

Pairs = Iterator[tuple[str, str]]


def starlette(routes: Iterable[Any], prefix: str = "") -> Pairs:
    for route in routes:
        path = prefix + getattr(route, "path", "")
        below = getattr(route, "routes", None)
        if below:
            yield from starlette(below, path)
        elif getattr(route, "methods", None):
            for method in sorted(route.methods):
                yield method, path
        elif getattr(route, "effective_route_contexts", None):
            yield from starlette(list(route.effective_route_contexts()), prefix)
        elif path and not hasattr(route, "methods"):
            yield "GET", path.rstrip("/") + "/{path}"


def flask(app: Any) -> Pairs:
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<", "{").replace(">", "}")
        for method in sorted(rule.methods):
            yield (
                method,
                "/".join(
                    "{" + part.strip("{}").split(":")[-1] + "}" if "{" in part else part for part in path.split("/")
                ),
            )


def django(settings: str) -> Pairs:
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    importlib.import_module("django").setup()
    resolvers = importlib.import_module("django.urls.resolvers")

    def walk(patterns: Iterable[Any], prefix: str) -> Pairs:
        for one in patterns:
            path = prefix + str(one.pattern)
            if isinstance(one, resolvers.URLResolver):
                yield from walk(one.url_patterns, path)
            else:
                yield "GET", "/" + plain(path)

    yield from walk(resolvers.get_resolver().url_patterns, "")


def plain(path: str) -> str:
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)
    path = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", path)
    return path.replace("^", "").replace("$", "").replace("\\Z", "")


def main() -> None:
    sys.path.insert(0, str(pathlib.Path.cwd()))
    module, _, name = sys.argv[1].partition(":")
    if module == "django":
        found = list(django(name))
    else:
        app = getattr(importlib.import_module(module), name)
        if not hasattr(app, "routes") and not hasattr(app, "url_map"):
            app = app()  # a factory
        if hasattr(app, "url_map"):
            found = list(flask(app))
        else:
            found = list(starlette(app.routes))
            with contextlib.suppress(ImportError, AttributeError):  # newer FastAPI keeps included routers apart
                contexts = importlib.import_module("fastapi.routing").iter_route_contexts(app.routes)
                found += starlette(list(contexts))
    print("\nROUTES " + json.dumps(found))


if __name__ == "__main__":
    main()

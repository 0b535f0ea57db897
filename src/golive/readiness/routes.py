"""All routes of a product that anybody knows of: OpenAPI, the framework's own table, and what was seen in traffic."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golive.kit.named import queries
from golive.readiness.asking import Site
from golive.readiness.item import Subject, command_environment
from golive.readiness.programs import run
from golive.readiness.verdict import CannotTell
from golive.telemetry import store

SQL = queries(Path(__file__).with_name("queries.sql"))
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
TABLE = Path(__file__).with_name("route_table.py")
_PARAMETER = re.compile(r"\{([^}:]+)(?::[^}]*)?\}|:(\w+)|\*\w*")


@dataclass(frozen=True, order=True)
class Route:
    """A method and a path whose parameters stand in braces."""

    path: str
    method: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    def filled(self, objects: Mapping[str, str | int], other: str = "1") -> str:
        return re.sub(r"\{(\w+)\}", lambda found: str(objects.get(found[1], other)), self.path)


def route(method: str, path: str) -> Route:
    """One spelling for all sources: braces, no converters, no trailing slash but the root's own."""
    path = _PARAMETER.sub(lambda found: "{" + (found[1] or found[2] or "path") + "}", path.partition("?")[0])
    return Route(path if path == "/" else path.rstrip("/") or "/", method.upper())


def from_openapi(document: Any) -> set[Route]:
    """The operations of an OpenAPI document. Raises CannotTell when it is none."""
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise CannotTell("openapi", "the OpenAPI document has no paths", "set [readiness.authentication] openapi")
    return {
        route(method, path)
        for path, operations in document["paths"].items()
        if isinstance(operations, dict)
        for method in operations
        if method.upper() in METHODS
    }


def asked_openapi(site: Site, place: str) -> set[Route]:
    """The document as the target serves it."""
    answer = site.get(place)
    if answer is None or answer.status != 200:
        status = answer.status if answer else "no answer"
        raise CannotTell("openapi", f"{place} answers {status}", "set [readiness.authentication] openapi")
    try:
        return from_openapi(json.loads(answer.body))
    except ValueError as error:
        raise CannotTell("openapi", f"{place} is not JSON", "set [readiness.authentication] openapi") from error


def from_framework(subject: Subject, app: str, python: str) -> set[Route]:
    """The application's own table, read in its own Python."""
    folder = subject.folder()
    program = str(folder / python) if python else sys.executable
    printed = run([program, str(TABLE), app], folder, command_environment(subject))
    found = [line for line in printed.splitlines() if line.startswith("ROUTES ")]
    if not found:
        raise CannotTell("route table", f"{app} printed no routes", f"try it: {program} {TABLE} {app}")
    return {route(method, path) for method, path in json.loads(found[-1][7:]) if method in METHODS}


def from_traffic(project: str) -> set[Route]:
    """Routes of requests that golive saw in the last week. Raises StoreError."""
    rows = store.rows(SQL["routes_seen"], project=project)
    return {route(row["method"], row["route"]) for row in rows if row["method"] in METHODS}


def declared(entries: Sequence[str]) -> list[tuple[str, re.Pattern[str]]]:
    """Public routes as patterns: "GET /pricing", "* /static/{path}", "POST /webhooks/*"."""
    found = []
    for entry in entries:
        method, _, path = entry.strip().partition(" ")
        pieces = re.split(r"(\{[^}]+\}|\*)", route("GET", path.strip()).path)
        pattern = "".join(".+" if piece.startswith(("{", "*")) else re.escape(piece) for piece in pieces)
        found.append((entry, re.compile(f"{'[A-Z]+' if method == '*' else re.escape(method.upper())} {pattern}")))
    return found


def split(routes: Iterable[Route], public: Sequence[str]) -> tuple[list[Route], list[Route], list[str]]:
    """Routes that must be protected, those declared public, and declarations that match nothing."""
    patterns, used = declared(public), set()
    guarded: list[Route] = []
    opened: list[Route] = []
    for one in sorted(set(routes)):
        matches = [entry for entry, pattern in patterns if pattern.fullmatch(str(one))]
        used.update(matches)
        (opened if matches else guarded).append(one)
    return guarded, opened, [entry for entry in public if entry not in used]

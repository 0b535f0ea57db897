"""Writes docs/reference from the code: the command line, and every key of golive.toml. `--check` only compares."""

import ast
import inspect
import os
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
os.environ.setdefault("GOLIVE_DATA", tempfile.mkdtemp(prefix="golive-reference-"))

import typer  # noqa: E402 (the settings make a data folder when they are imported)
from pydantic import BaseModel  # noqa: E402

from golive import cli  # noqa: E402
from golive.kit.durations import format_duration  # noqa: E402

cli.add_rooms()

from golive.config import sections  # noqa: E402
from golive.rooms import modules  # noqa: E402


def cell(text: str) -> str:
    """Text that is safe in a table."""
    return " ".join(text.replace("|", "\\|").split())


def commands() -> str:
    """All commands with their options, by walking the command line itself."""
    lines = ["# Command line", "", "Exit codes: 0 good, 1 bad, 2 could not tell, 3 wrong input.", ""]

    def walk(command: Any, path: str, depth: int) -> None:
        if depth:
            lines.extend([f"{'#' * min(depth + 1, 4)} `{path}`", "", cell(command.help or ""), ""])
        rows = [
            f"| `{', '.join([*one.opts, *one.secondary_opts])}` | {cell(getattr(one, 'help', '') or '')} |"
            for one in command.params
            if one.name != "help" and depth
        ]
        if rows:
            lines.extend(["| option | |", "|---|---|", *rows, ""])
        for name, below in sorted(getattr(command, "commands", {}).items()):
            walk(below, f"{path} {name}", depth + 1)

    walk(typer.main.get_command(cli.app), "golive", 0)
    return "\n".join(lines)


def said_of(model: type[BaseModel]) -> dict[str, str]:
    """What stands below each field of a model's source."""
    said: dict[str, str] = {}
    for one in reversed([base for base in model.__mro__ if issubclass(base, BaseModel) and base is not BaseModel]):
        try:
            body = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
        except OSError:  # a model made by a call has no source
            continue
        assert isinstance(body, ast.ClassDef)
        for field, text in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                said[field.target.id] = str(ast.literal_eval(text.value))
    return said


def default(value: Any) -> str:
    if value is None:
        return "none"
    if hasattr(value, "total_seconds"):
        return f"`{format_duration(value)}`"
    if isinstance(value, BaseModel):
        return ""
    return f"`{value!r}`" if not isinstance(value, str) or value else '`""`'


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """The models that an annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in models_of(part)]


def keys() -> str:
    """Every section of golive.toml with keys, defaults and what they mean."""
    lines = [
        "# golive.toml",
        "",
        "One file says how golive watches a product; `golive apply` shows what it would change and puts it in force.",
        "Durations are written like `90s`, `5m`, `1h30m`; shares like `5%`. Credentials are only referred to:",
        "`env:NAME`, `file:PATH` or `secret:NAME` (`golive secret set NAME`).",
        "",
    ]

    def table(model: type[BaseModel], title: str, depth: int) -> None:
        lines.extend([f"{'#' * depth} {title}", "", cell(inspect.getdoc(model) or ""), ""])
        said, below, rows = said_of(model), [], []
        for name, field in model.model_fields.items():
            nested = models_of(field.annotation)
            for one in nested:
                kind = one.model_fields.get("kind")
                label = kind.default if name == "root" and kind else field.alias or name
                below.append((one, f"{title} · `{label}`"))
            shown = "required" if field.is_required() else default(field.get_default(call_default_factory=True))
            rows.append(f"| `{field.alias or name}` | {cell(shown)} | {cell(said.get(name, ''))} |")
        if rows:
            lines.extend(["| key | default | |", "|---|---|---|", *rows, ""])
        for one, name in below:
            table(one, name, min(depth + 1, 4))

    for section in sections.registered():
        table(section.model, f"`[{section.key}]`", 2)
    return "\n".join(lines)


def main() -> int:
    for _ in modules("section"):
        pass
    REFERENCE.mkdir(exist_ok=True)
    stale = []
    for name, text in {"commands.md": commands(), "golive-toml.md": keys()}.items():
        path = REFERENCE / name
        if not path.exists() or path.read_text() != text + "\n":
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text + "\n")
    if stale and "--check" in sys.argv:
        print(f"docs/reference is out of date ({', '.join(stale)}): run `make docs`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`golive init` and `golive ship export`: a first golive.toml, and the workflow file for other people's runners."""

import re
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from golive.kit.folders import data_folder
from golive.people.choice import WRONG_INPUT
from golive.pipelines import definition, detect, snippets, tree, workflows

LARGEST_FILE = 512 * 1024


def init(
    folder: Annotated[Path, typer.Argument(help="The repository.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Write over a golive.toml that is there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would write.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For machines; writes nothing.")] = False,
) -> None:
    """Look at a repository, write a first golive.toml, and explain each guess."""
    target = folder / definition.FILE
    if target.exists() and not (force or dry_run or json):
        typer.echo(f"golive: {target} is there already; see what would be written with --dry-run", err=True)
        raise typer.Exit(WRONG_INPUT)
    repository, found_tree = tree.of_folder(folder.resolve(), data_folder() / "pipelines" / "loose.git")
    files = repository.files(found_tree)

    def read(path: str) -> str | None:
        content = repository.read(found_tree, path) if path in files else None
        return content.decode(errors="replace") if content is not None and len(content) <= LARGEST_FILE else None

    name = re.sub(r"[^a-z0-9-]+", "-", folder.resolve().name.lower()).strip("-") or "app"
    found = detect.detect(read, files, name)
    text = detect.written(found)
    definition.parsed(text.encode())  # what we write, we accept
    if json:
        guesses = [{"key": one.key, "lines": one.lines, "reason": one.reason} for one in found.guesses]
        about = {"framework": found.framework, "guesses": guesses, "unsure": found.unsure}
        typer.echo(orjson.dumps(about | {"instrumentation": snippets.instrumentation(found.framework)}))
        return
    if dry_run:
        typer.echo(text, nl=False)
        return
    target.write_text(text)
    table = Table("section", "because", box=None)
    for guess in found.guesses:
        table.add_row(guess.key, guess.reason)
    console = Console(highlight=False, markup=False)
    console.print(f"Wrote {target} for {found.framework or 'this repository'}:")
    console.print(table)
    for one in found.unsure:
        console.print(f"Not known: {one}")
    console.print(snippets.instrumentation(found.framework))
    console.print("Next: golive ship --dry-run, then golive ship")


def export(
    host: Annotated[str, typer.Argument(help="github or gitlab.")],
    write: Annotated[bool, typer.Option("--write", help="Write the file instead of printing it.")] = False,
) -> None:
    """Print the workflow file for runners at GitHub or GitLab; it calls golive there."""
    if host not in workflows.FILES:
        typer.echo(f"golive: there are {', '.join(workflows.FILES)}; not {host}", err=True)
        raise typer.Exit(WRONG_INPUT)
    name, text = workflows.FILES[host]
    if not write:
        typer.echo(text, nl=False)
        return
    path = Path(name)
    if path.exists():
        typer.echo(f"golive: {path} is there already", err=True)
        raise typer.Exit(WRONG_INPUT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    typer.echo(f"Wrote {path}.")

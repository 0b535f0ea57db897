"""`golive apply`: put a golive.toml in force, after showing what it would change."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import orjson
import typer
from django.db import transaction
from django.utils.text import slugify
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from golive.config import reader, sections
from golive.config.models import Applied
from golive.config.sections import Difference, Section
from golive.config.values import Resolved
from golive.people import audit
from golive.people.models import Project
from golive.rooms import modules

app = typer.Typer()


class AppSection(BaseModel):
    """What the product is called and where it answers."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = None
    """The product's name, as people read it. Without `--project` it also says which project is meant."""
    url: Resolved | None = None
    """Its public address, such as "https://acme.example" or "env:ACME_URL". Checks may give a path below it."""


def _app_differences(project_id: int, wanted: AppSection) -> list[Difference]:
    project = Project.objects.get(pk=project_id)
    pairs = (("app.name", project.name, wanted.name), ("app.url", project.url, wanted.url))
    return [Difference(key, old or None, new) for key, old, new in pairs if new is not None and new != old]


def _app_apply(project_id: int, wanted: AppSection, actor: str) -> None:
    project = Project.objects.get(pk=project_id)
    project.name = wanted.name if wanted.name is not None else project.name
    project.url = wanted.url if wanted.url is not None else project.url
    project.save(update_fields=["name", "url"])


sections.register(Section("app", AppSection, _app_differences, _app_apply))


class ApplyError(Exception):
    """Nothing was applied; the message says what to do."""


@dataclass(frozen=True)
class Plan:
    """What applying would do to one project."""

    project: Project
    files: Sequence[str]
    wanted: Mapping[str, BaseModel]
    differences: Sequence[Difference]


def all_sections() -> list[Section]:
    """Every section of golive.toml, lower rooms first."""
    for _ in modules("section"):
        pass  # importing a room's `section.py` registers it
    return list(sections.registered())


def plan(file: Path, overlays: Sequence[Path], slug: str | None) -> Plan:
    """Read, check and compare; changes nothing. Raises ConfigError or ApplyError."""
    document = reader.read(file, *overlays)
    wanted = reader.validate(document, all_sections())
    project = _project(slug, wanted["app"])
    files = [str(path) for path in (file, *overlays)]
    return Plan(project, files, wanted, _differences(project, wanted))


def _project(slug: str | None, wanted: BaseModel) -> Project:
    name = wanted.name if isinstance(wanted, AppSection) else None
    if slug is None and name:
        slug = slugify(name)
    found = Project.objects.filter(slug=slug).first() if slug else None
    if found is None:
        have = ", ".join(Project.objects.values_list("slug", flat=True)) or "none yet"
        raise ApplyError(
            f"There is no project {slug!r} (projects: {have}). Make it with `golive project add {slug or 'NAME'}`, "
            "or name one with --project."
        )
    return found


def _differences(project: Project, wanted: Mapping[str, BaseModel]) -> list[Difference]:
    return [
        difference
        for section in all_sections()
        if section.key in wanted
        for difference in section.differences(project.pk, wanted[section.key])
    ]


def execute(planned: Plan, actor: str) -> None:
    """Put the plan in force in one transaction. Raises ApplyError if something else changed it meanwhile."""
    with transaction.atomic():
        if _differences(planned.project, planned.wanted) != list(planned.differences):
            raise ApplyError("The configuration changed while you looked at it; run `golive apply` again.")
        for section in all_sections():
            if section.key in planned.wanted:
                section.apply(planned.project.pk, planned.wanted[section.key], actor)
        changes = [{"subject": d.subject, "before": d.before, "after": d.after} for d in planned.differences]
        Applied.objects.create(
            project_number=planned.project.pk,
            actor=actor,
            files=[str(Path(file).absolute()) for file in planned.files],
            differences=changes,
        )
        audit.record(
            actor, "config.apply", planned.project.slug, project=planned.project, files=planned.files, changes=changes
        )


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="The configuration file.")] = Path("golive.toml"),
    overlay: Annotated[
        list[Path] | None, typer.Option(help="A file whose tables are merged over those before it; may be repeated.")
    ] = None,
    project: Annotated[str | None, typer.Option(help="The project's slug; default: from [app] name.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Apply without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show; exit 1 when something differs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print for machines; asks nothing.")] = False,
) -> None:
    """Show what golive.toml would change, ask, and put it in force."""
    try:
        planned = plan(file, overlay or [], project)
        applied = _carry_out(planned, yes=yes, dry_run=dry_run, as_json=as_json)
    except (reader.ConfigError, ApplyError) as error:
        problems = str(error).splitlines()
        if as_json:
            sys.stdout.write(orjson.dumps({"applied": False, "problems": problems}).decode() + "\n")
        for line in problems:
            typer.echo(line, err=True)
        raise typer.Exit(3) from error
    raise typer.Exit(0 if applied or not planned.differences else 1)


def _carry_out(planned: Plan, *, yes: bool, dry_run: bool, as_json: bool) -> bool:
    if not as_json:
        _show(planned)
    go = bool(planned.differences) and not dry_run
    if go and not yes:
        go = not as_json and sys.stdin.isatty() and typer.confirm("Apply?")
        if not go:
            typer.echo("Not applied. Confirm, or give --yes.", err=True)
    if go:
        execute(planned, actor="cli")
    if as_json:
        rows = [
            {"subject": d.subject, "verb": d.verb, "before": d.before, "after": d.after} for d in planned.differences
        ]
        answer = {"project": planned.project.slug, "applied": go, "differences": rows}
        sys.stdout.write(orjson.dumps(answer).decode() + "\n")
    elif go:
        typer.echo(f"Applied {len(planned.differences)} to {planned.project.slug}.")
    return go


def _show(planned: Plan) -> None:
    if not planned.differences:
        typer.echo(f"{planned.project.slug} is already as {' and '.join(planned.files)} say.")
        return
    table = Table("", "what", "in force", "wanted", title=f"Changes to {planned.project.slug}", title_justify="left")
    for difference in planned.differences:
        table.add_row(difference.verb, difference.subject, difference.before or "", difference.after or "")
    Console().print(table)

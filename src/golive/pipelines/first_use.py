"""The project that a command in a repository means - also where golive has never run: a laptop, a runner."""

import typer
from django.core.management import call_command
from django.db import connection
from django.utils.text import slugify

from golive.kit.folders import data_folder
from golive.people.choice import WRONG_INPUT, choose
from golive.people.models import Project


def project_for(slug: str | None, app_name: str) -> Project:
    """The project named, else the one of golive.toml's [app] name; on a fresh install it is made."""
    if connection.vendor == "sqlite" and Project._meta.db_table not in connection.introspection.table_names():
        call_command("migrate", verbosity=0)
    named = slug or app_name
    if named and not Project.objects.exists():
        typer.echo(f"golive: first use on this machine; runs are kept in {data_folder()}", err=True)
        return Project.objects.create(slug=slugify(named)[:50] or "app", name=app_name or named)
    if slug or not app_name:
        return choose(slug)
    known = Project.objects.filter(slug=app_name).first() or Project.objects.filter(name=app_name).first()
    if known is None:  # never the only project there is: its runs and results would be mixed with these
        there = ", ".join(Project.objects.values_list("slug", flat=True)[:20])
        typer.echo(
            f"golive: no project is called {app_name!r}; make it with `golive project add {app_name}`, or say which "
            f"with --project: {there}",
            err=True,
        )
        raise typer.Exit(WRONG_INPUT)
    return known

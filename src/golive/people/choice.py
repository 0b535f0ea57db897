"""Which project a command means."""

import typer

from golive.people.models import Project

WRONG_INPUT = 3


def choose(slug: str | None) -> Project:
    """The project named by `slug`, or the only one there is; else says which there are and ends with exit code 3."""
    found = list(Project.objects.filter(slug=slug) if slug else Project.objects.all()[:50])
    if len(found) == 1:
        return found[0]
    known = ", ".join(Project.objects.values_list("slug", flat=True)[:20])
    if not known:
        message = "There is no project yet; make one with `golive project add NAME`."
    elif slug:
        message = f"There is no project {slug!r}; the projects are {known}."
    else:
        message = f"Say which project with --project; the projects are {known}."
    typer.echo(message, err=True)
    raise typer.Exit(WRONG_INPUT)

"""`golive support`: who waits, what they wrote, and the answer, from a terminal."""

import sys
from typing import Annotated

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from golive.people.choice import choose
from golive.people.models import Project
from golive.support import desk
from golive.support.models import Conversation
from golive.support.target import judge

app = typer.Typer()
support_app = typer.Typer(no_args_is_help=True, help="Messages of customers, and answers.")
app.add_typer(support_app, name="support")
Slug = Annotated[str | None, typer.Option("--project", help="The project's slug.")]


@support_app.command("list")
def list_(
    project: Slug = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that wait for nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> int:
    """Show who waits, the longest first. Exit code 1 when somebody waits longer than promised."""
    chosen, now = choose(project), timezone.now()
    inbox = desk.inbox_of(chosen)
    found = Conversation.objects.filter(project=chosen)
    found = found.order_by("-id")[:200] if everything else found.exclude(waiting_since=None).order_by("waiting_since")
    rows = [(one, judge(one.waiting_since, inbox.reply_within, now)) for one in found]
    if as_json:
        for one, target in rows:
            line = {"number": one.number, "channel": one.channel, "subject": one.subject, "from": one.who}
            more = {"waiting_since": one.waiting_since, "due_at": target.due_at, "overdue": target.overdue}
            typer.echo(orjson.dumps(line | more).decode())
    elif not rows:
        typer.echo("Nobody waits for an answer.")
    else:
        table = Table("#", "from", "subject", "by", "stands", box=None)
        for one, target in rows:
            table.add_row(str(one.number), escape(one.who), escape(one.subject), one.channel, target.reason)
        Console().print(table)
    return int(any(target.overdue for _, target in rows))


@support_app.command()
def show(number: int, project: Slug = None) -> None:
    """Show a conversation."""
    found = _of(choose(project), number)
    typer.echo(f"{found} · {found.who} by {found.get_channel_display().lower()}")
    for said in found.said.all():
        typer.echo(f"\n{said.at:%Y-%m-%d %H:%M} {said.author} ({said.get_direction_display().lower()})\n{said.text}")


@support_app.command()
def reply(
    number: int,
    text: Annotated[str, typer.Option(help="The answer; - reads it from standard input.")],
    project: Slug = None,
) -> None:
    """Answer the customer the way they wrote."""
    said = desk.reply(_of(choose(project), number), sys.stdin.read() if text == "-" else text, "cli", timezone.now())
    typer.echo(f"Answered {said.conversation.who}.")


@support_app.command()
def close(number: int, project: Slug = None) -> None:
    """Close a conversation; it opens again when the customer writes."""
    desk.close(_of(choose(project), number), "cli", timezone.now())
    typer.echo(f"Closed #{number}.")


def _of(project: Project, number: int) -> Conversation:
    found = Conversation.objects.select_related("project").filter(project=project, number=number).first()
    if found is None:
        raise desk.SupportError(
            f"There is no conversation #{number}; `golive support list --all` shows which there are."
        )
    return found

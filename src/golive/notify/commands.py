"""`golive notify`: try the channels, look at the outbox, show the webhooks' signing secret."""

from typing import Annotated

import orjson
import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from golive.notify import delivery, outbox, trial
from golive.notify.models import Delivery, OutboxMessage
from golive.notify.signature import default_secret
from golive.people import audit
from golive.people.choice import choose

app = typer.Typer()
notify_app = typer.Typer(no_args_is_help=True, help="Mail, webhooks and chat: try them, see what was delivered.")
app.add_typer(notify_app, name="notify")
FAILED, COULD_NOT_TELL = 1, 2
Slug = Annotated[str | None, typer.Option("--project", help="The project's slug.")]


@notify_app.command("test")
def try_channels(
    to: Annotated[str, typer.Option(help="Also mail this address.")] = "",
    project: Slug = None,
) -> None:
    """Send a test message over every channel now, and say for each whether it was accepted."""
    chosen = choose(project)
    sent = trial.enqueue(chosen, "cli", timezone.now(), to=to)
    audit.record("cli", "notify.test", chosen.slug, project=chosen)
    if not sent:
        typer.echo("There is no channel to try: set [notify] in golive.toml and apply, or give --to ADDRESS.")
        raise typer.Exit(COULD_NOT_TELL)
    worker = outbox.worker_name()
    for message in sent:
        if attempt := outbox.claim(message, worker, timezone.now()):
            delivery.deliver(attempt)
    good = True
    for message in OutboxMessage.objects.filter(pk__in=[message.pk for message in sent]).order_by("pk"):
        arrived = message.state in (Delivery.SENT, Delivery.CLAIMED)
        good &= arrived
        word = "accepted" if message.state == Delivery.SENT else message.last_error or message.state
        typer.echo(f"{'ok  ' if arrived else 'FAIL'} {message.channel:8} {message.recipient}: {word}")
    if not good:
        raise typer.Exit(FAILED)


@notify_app.command("list")
def list_messages(
    state: Annotated[Delivery | None, typer.Option(help="Only those.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 20,
    project: Slug = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show the outbox, newest first."""
    found = OutboxMessage.objects.filter(project=choose(project))
    found = found.filter(state=state) if state else found
    if json:
        fields = ("created_at", "channel", "recipient", "subject", "state", "tries", "sent_at", "last_error", "key")
        for row in found.values(*fields)[:limit]:
            typer.echo(orjson.dumps(row))
        return
    table = Table("at (UTC)", "channel", "to", "subject", "state", "tries", "last error", box=None)
    for m in found[:limit]:
        at = f"{m.created_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(at, m.channel, m.recipient, m.subject, m.state, str(m.tries), m.last_error)
    Console().print(table)


@notify_app.command()
def secret(project: Slug = None) -> None:
    """Show the secret with which webhooks without one of their own are signed (Standard Webhooks)."""
    typer.echo(default_secret(choose(project).slug))

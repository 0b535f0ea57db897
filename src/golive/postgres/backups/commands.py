"""`golive db backup`, `golive db drill`, `golive db restore`."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from django.utils.dateparse import parse_datetime
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from golive.alerts.models import State
from golive.console import words
from golive.people import audit
from golive.people.choice import WRONG_INPUT
from golive.postgres.backups import restoring, setup
from golive.postgres.backups.drill import drill as run_drill
from golive.postgres.backups.due import Made, judge_backups, judge_drills
from golive.postgres.backups.hold import BackupBusy
from golive.postgres.backups.models import Backup
from golive.postgres.backups.run import make, make_due
from golive.postgres.backups.tools import BackupTrouble
from golive.postgres.choice import admin_url_of, chosen
from golive.postgres.connect.script import heartbeat_table

app = typer.Typer()
backup_app = typer.Typer(no_args_is_help=True, help="Backups: set up, made, listed. Proved by `golive db drill`.")
app.add_typer(backup_app, name="backup")

ProjectOption = Annotated[str | None, typer.Option(help="The project's slug.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print for machines.")]
ApplyOption = Annotated[bool, typer.Option("--apply", help="Do it; without this it is only said.")]


@backup_app.command("setup")
def setup_(project: ProjectOption = None, apply: ApplyOption = False) -> None:
    """Show what pgBackRest needs (configuration, archiving, stanza) and, with --apply, put it in place."""
    database = chosen(project)
    place = setup.place_of(database)
    for name, (now, wanted) in setup.missing_settings(place, admin_url_of(database)).items():
        typer.echo(f"{name}: {now!r} becomes {wanted!r}\n      undo: ALTER SYSTEM RESET {name};")
    typer.echo(f"{place.config}: written, mode 0600 (it holds the passphrase)\n      undo: rm -r {place.work}")
    for step in heartbeat_table():
        typer.echo(step.statement.as_string() + (f"\n      undo: {step.undo.as_string()}" if step.undo else ""))
    typer.echo("pgbackrest stanza-create\n      undo: pgbackrest stanza-delete")
    if not apply:
        typer.echo("Do it with --apply.")
        return
    left = setup.apply(database)
    audit.record("cli", "database.backup.setup", place.plan.folder, project=database.project)
    typer.echo(left or "Backups are set up: the archive takes WAL.")
    typer.echo("Without the passphrase no backup opens: golive db backup passphrase --to FILE, and keep it elsewhere.")
    raise typer.Exit(1 if left else 0)


@backup_app.command()
def now(
    project: ProjectOption = None,
    incremental: Annotated[bool, typer.Option("--incremental", help="Only what changed since the last one.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a backup now; exit 1 when it fails."""
    made = make(chosen(project), "incr" if incremental else "full", scheduled=False)
    if as_json:
        _print({"label": made.label, "bytes": made.size_bytes, "began_at": made.began_at, "ended_at": made.ended_at})
    elif made.ended_at is not None:
        seconds = (made.ended_at - made.began_at).total_seconds()
        typer.echo(f"Backup {made.label}: {words.size(made.size_bytes)} in {seconds:.0f} s.")


@backup_app.command()
def due(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Make the scheduled backup if one is due, as the jobs process does by itself; for cron where that does not run."""
    database = chosen(project)
    if not setup.plan_of(database).enabled:
        raise BackupTrouble("golive.toml has no [database.backup] enabled = true, so nothing is ever due.")
    made, at_work = None, ""
    try:
        made = make_due(database, datetime.now(UTC), patient=False)
    except BackupBusy as busy:
        at_work = str(busy)
    if as_json:
        kept = made or Backup(kind="")
        _print({"due": kept.kind or None, "label": kept.label or None, "bytes": kept.size_bytes, "busy": at_work})
    elif at_work:
        typer.echo(at_work)
    elif made is None:
        typer.echo("Nothing is due; `golive db backup status` says when the last one was made.")
    else:
        typer.echo(f"Scheduled backup {made.label}: {words.size(made.size_bytes)}.")


@backup_app.command("passphrase")
def passphrase_(
    to: Annotated[Path, typer.Option(help="A new file, mode 0600, or - for standard output.")],
    project: ProjectOption = None,
) -> None:
    """Give out what the backups are encrypted with, to be kept elsewhere; who did it is in the audit trail."""
    database = chosen(project)
    word, name = setup.passphrase(database), f"{database.project.slug}.backup.passphrase"
    if str(to) == "-":
        audit.record("cli", setup.EXPORTED, name, project=database.project, to="standard output")
        sys.stdout.write(word + "\n")
        return
    try:
        opened = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        typer.echo(f"{to} cannot be written: {error.strerror}; give a file that does not exist.", err=True)
        raise typer.Exit(WRONG_INPUT) from error
    audit.record("cli", setup.EXPORTED, name, project=database.project, to=str(to))
    with os.fdopen(opened, "w") as file:
        file.write(word + "\n")
    typer.echo(f"{to} holds it (mode 0600). Keep it where golive and the database are not, then delete it here.")


@backup_app.command()
def status(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Backups and drills, newest first; exit 1 when one failed or is late, 2 when none was made."""
    database = chosen(project)
    plan, at = setup.plan_of(database), datetime.now(UTC)
    backups, drills = list(database.backups.all()[:20]), list(database.drills.all()[:5])
    past = [Made(one_.began_at, one_.ok, one_.reason, one_.kind != "incr") for one_ in backups if one_.scheduled]
    judged = [
        judge_backups(past, plan.every, past[-1].began_at if past else at, at),
        judge_drills([Made(one_.began_at, one_.ok, one_.reason) for one_ in drills], plan.drill_every, at),
    ]
    if as_json:
        _print(
            {
                "passphrase_exported": setup.exported(database),
                "state": [{"kind": one_.kind, "state": one_.state, "reason": one_.reason} for one_ in judged],
                "backups": [
                    {"label": b.label, "kind": b.kind, "scheduled": b.scheduled, "ok": b.ok, "began_at": b.began_at,
                     "reason": b.reason, "bytes": b.size_bytes} for b in backups
                ],
                "drills": [{"ok": d.ok, "began_at": d.began_at, "reason": d.reason, "rto_seconds": d.rto_seconds,
                            "rpo_seconds": d.rpo_seconds} for d in drills],
            }
        )  # fmt: skip
    else:
        table = Table("backup", "kind", "when", "size", "")
        for one_ in backups:
            outcome = "runs" if one_.ok is None else one_.reason if not one_.ok else "good"
            outcome = "expired" if one_.expired else outcome
            table.add_row(one_.label, one_.kind, f"{one_.began_at:%d %b %H:%M}", words.size(one_.size_bytes), outcome)
        Console().print(table)
        for judgement in judged:
            typer.echo(f"{judgement.kind}: {judgement.reason}.")
        if not setup.exported(database):
            typer.echo(
                "The passphrase is nowhere but here: golive db backup passphrase --to FILE, and keep it elsewhere."
            )
    states = {one_.state for one_ in judged}
    raise typer.Exit(1 if State.FIRING in states else 2 if State.UNKNOWN in states else 0)


@app.command()
def drill(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Restore the newest scheduled backup to a scratch server and prove it; exit 1 when a proof fails."""
    database = chosen(project)
    if as_json:
        ran = run_drill(database)
        names = ("ok", "reason", "proofs", "phases", "rto_seconds", "rpo_seconds", "target_at")
        _print({name: getattr(ran, name) for name in names})
    else:
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), transient=True) as progress:
            bar = progress.add_task("drill")
            ran = run_drill(database, lambda share, note: progress.update(bar, description=note))
        table = Table("proof", "", "detail")
        for proof in ran.proofs:
            word = {True: "proved", False: "FAILED", None: "not proved"}[proof["ok"]]
            table.add_row(proof["name"], word, proof["detail"])
        Console().print(table)
        typer.echo("; ".join(f"{name} {seconds:.1f} s" for name, seconds in ran.phases.items()))
        if ran.rto_seconds is not None and ran.rpo_seconds is not None:
            typer.echo(f"RTO {ran.rto_seconds:.1f} s, RPO {ran.rpo_seconds:.1f} s, restored to {ran.target_at}.")
        typer.echo("The backup restores." if ran.ok else f"The drill failed: {ran.reason}")
    raise typer.Exit(0 if ran.ok else 1)


@app.command()
def restore(
    at: Annotated[str, typer.Option(help="The instant, such as 2026-11-25T17:03:00Z.")],
    to: Annotated[Path, typer.Option(help="A folder that does not exist yet; production's is never touched.")],
    port: Annotated[int, typer.Option(min=1024, max=65535, help="The port that the restored server listens on.")],
    project: ProjectOption = None,
    apply: ApplyOption = False,
) -> None:
    """Restore to an instant beside production and start it there; says how to switch over."""
    database = chosen(project)
    target = parse_datetime(at)
    if target is None or target.tzinfo is None:
        typer.echo("Say the instant with its zone, such as 2026-11-25T17:03:00Z.", err=True)
        raise typer.Exit(WRONG_INPUT)
    dumped = setup.plan_of(database).with_ == "pg_dump"
    place = None if dumped else restoring.place(database)
    label = restoring.dump_before(database, target) if place is None else restoring.label_before(place, target)
    what = f"Dump {label}, which ends when it began," if dumped else f"Backup {label} and the WAL after it"
    typer.echo(f"{what}, to {target.isoformat()}, into {to}, on port {port}.")
    if not apply:
        typer.echo("Nothing of production is touched. Do it with --apply.")
        return
    if to.exists():
        raise BackupTrouble(f"{to} exists already; give a folder that does not.")
    if place is None:
        data, answers = restoring.from_dump(database, label, to.absolute(), port)
    else:
        data, answers = restoring.from_pgbackrest(database, place, label, target, to.absolute(), port)
    audit.record("cli", "database.restore", label, project=database.project, at=target.isoformat(), port=port)
    typer.echo(f"It answers at 127.0.0.1:{port} {answers}.")
    typer.echo("To switch: stop the application's writes, lead its DATABASE_URL here, and set up backups for this one.")
    typer.echo(f"To throw it away: pg_ctl stop -D {data} && rm -r {to}")


def _print(value: Any) -> None:
    sys.stdout.write(orjson.dumps(value, default=str).decode() + "\n")

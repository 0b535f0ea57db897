"""`golive owner`, `golive project`, `golive token`, `golive secret`."""

import json
import sys
from typing import Annotated

import typer
from django.utils import timezone
from django.utils.text import slugify
from rich.console import Console
from rich.prompt import Prompt
from rich.table import Table

from golive.kit.durations import DurationError, parse_duration
from golive.people import audit, endpoints, keys, secrets, tokens, welcome
from golive.people.models import ApiToken, KeyKind, Project, Purpose, Role, User

app = typer.Typer()
owner = typer.Typer(no_args_is_help=True, help="The person who runs this install.")
project = typer.Typer(no_args_is_help=True, help="Projects and their keys.")
token = typer.Typer(no_args_is_help=True, help="API tokens.")
secret = typer.Typer(no_args_is_help=True, help="Secrets, kept encrypted and referred to as secret:NAME.")
app.add_typer(owner, name="owner")
app.add_typer(project, name="project")
app.add_typer(token, name="token")
app.add_typer(secret, name="secret")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
out = Console()


def fail(message: str) -> typer.Exit:
    """Wrong input: one sentence on stderr, exit code 3."""
    typer.echo(message, err=True)
    return typer.Exit(3)


def find_project(name: str) -> Project:
    found = Project.objects.filter(slug=slugify(name)).first()
    if found is None:
        known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none yet"
        raise fail(f"There is no project {name} (known: {known}). Add it with: golive project add {name}")
    return found


@owner.command("link")
def owner_link(
    if_none: Annotated[bool, typer.Option("--if-none", help="Print nothing if there is an owner already.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="For an owner who forgot the password.")] = False,
    email: Annotated[str, typer.Option(help="Which owner, with --reset; without, the first.")] = "",
    as_json: AsJson = False,
) -> None:
    """Print a one-time link, good for 24 hours, on which the owner's account is made."""
    if reset:
        owners = User.objects.filter(role=Role.OWNER, is_active=True).order_by("pk")
        person = (owners.filter(email=email.lower()) if email else owners).first()
        if person is None:
            raise fail(f"There is no owner {email}".strip() + "; make one with: golive owner link")
        link = welcome.create(Purpose.RESET, timezone.now(), email=person.email, role=Role.OWNER)
        audit.record("cli", "person.reset", person.email)
        typer.echo(json.dumps({"url": link}) if as_json else link)
        return
    if welcome.owner_exists():
        if if_none:
            return
        raise fail("This install has an owner already. The owner invites others on the page People.")
    link = welcome.create(Purpose.OWNER, timezone.now(), role=Role.OWNER)
    audit.record("cli", "owner.link", "owner")
    typer.echo(json.dumps({"url": link}) if as_json else link)


@project.command("add")
def project_add(
    name: Annotated[str, typer.Argument(help="The product's name.")],
    url: Annotated[str, typer.Option(help="Where the product runs.")] = "",
    as_json: AsJson = False,
) -> None:
    """Add a project; print its keys, once, and the environment variables to paste."""
    slug = slugify(name)[:63]
    if not slug:
        raise fail(f"{name!r} has no letters or digits to name a project by.")
    if Project.objects.filter(slug=slug).exists():
        raise fail(f"Project {slug} exists. For new keys: golive project rotate {slug}")
    added, ingest_key, public_key = keys.add_project(slug, name, url)
    audit.record("cli", "project.add", slug, project=added)
    show_keys(added, ingest_key, public_key, as_json)


@project.command("rotate")
def project_rotate(
    name: Annotated[str, typer.Argument(help="The project.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Replace a project's ingest key; the old ones stop working at once."""
    found = find_project(name)
    if not yes and not typer.confirm(f"Whatever sends to {found.slug} with the old key will be refused. Go on?"):
        raise typer.Exit(1)
    _, ingest_key = keys.rotate(found, KeyKind.INGEST, timezone.now())
    public_key = keys.public_key(found) or keys.create(found, KeyKind.DSN)[1]
    audit.record("cli", "key.rotate", found.slug, project=found)
    show_keys(found, ingest_key, public_key, as_json)


def show_keys(found: Project, ingest_key: str, public_key: str, as_json: bool) -> None:
    variables = endpoints.environment(found, ingest_key, public_key)
    if as_json:
        said = {
            "id": found.pk,
            "slug": found.slug,
            "name": found.name,
            "ingest_key": ingest_key,
            "dsn": variables["SENTRY_DSN"],
            "environment": variables,
        }
        typer.echo(json.dumps(said, indent=2))
        return
    typer.echo(f"Project {found.slug} (id {found.pk}). The key is shown this once; set in its environment:\n")
    for variable, value in variables.items():
        typer.echo(f'export {variable}="{value}"')


@project.command("list")
def project_list(as_json: AsJson = False) -> None:
    """List projects."""
    found = list(Project.objects.all())
    if as_json:
        rows = [{"id": p.pk, "slug": p.slug, "name": p.name, "url": p.url} for p in found]
        typer.echo(json.dumps(rows, indent=2))
        return
    if not found:
        typer.echo("No projects yet. Add one with: golive project add NAME")
        return
    table = Table("id", "project", "name", "address", box=None)
    for p in found:
        table.add_row(str(p.pk), p.slug, p.name, p.url)
    out.print(table)


@token.command("create")
def token_create(
    scope: Annotated[list[str], typer.Option("--scope", help='Such as "logs:read", "incidents:write", "read" or "*".')],
    name: Annotated[str, typer.Option(help="What it is for.")] = "cli",
    lifetime: Annotated[str, typer.Option("--for", help="How long it works, like 30d; without, until revoked.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make an API token; its value is printed this once."""
    scopes = [part.strip() for given in scope for part in given.split(",") if part.strip()]
    if wrong := [part for part in scopes if not tokens.is_scope(part)]:
        raise fail(f"{', '.join(wrong)} is not a scope; write room:read or room:write, read, or *.")
    if not scopes:
        raise fail("Name at least one scope, like --scope read.")
    try:
        length = parse_duration(lifetime) if lifetime else None
    except DurationError as error:
        raise fail(str(error)) from None
    made, value = tokens.create(name, scopes, lifetime=length)
    audit.record("cli", "token.create", name, scopes=scopes)
    if as_json:
        typer.echo(json.dumps({"id": made.pk, "name": name, "scopes": scopes, "token": value}))
    else:
        typer.echo(value)


@token.command("list")
def token_list(as_json: AsJson = False) -> None:
    """List API tokens that work or have worked."""
    found = list(ApiToken.objects.order_by("pk"))
    if as_json:
        rows = [
            {
                "id": t.pk,
                "name": t.name,
                "scopes": t.scopes,
                "hint": t.hint,
                "created_at": t.created_at.isoformat(),
                "last_used_at": t.last_used_at.isoformat() if t.last_used_at else None,
                "expires_at": t.expires_at.isoformat() if t.expires_at else None,
                "revoked_at": t.revoked_at.isoformat() if t.revoked_at else None,
            }
            for t in found
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    if not found:
        typer.echo("No tokens yet. Make one with: golive token create --scope read --name NAME")
        return
    table = Table("id", "name", "scopes", "ends in", "state", "last used", box=None)
    for t in found:
        used = f"{t.last_used_at:%Y-%m-%d %H:%M} UTC" if t.last_used_at else "never"
        table.add_row(str(t.pk), t.name, " ".join(t.scopes), t.hint, tokens.standing(t, timezone.now()), used)
    out.print(table)


@token.command("revoke")
def token_revoke(which: Annotated[int, typer.Argument(help="The token's id, as in `golive token list`.")]) -> None:
    """End an API token at once."""
    found = ApiToken.objects.filter(pk=which).first()
    if found is None:
        raise fail(f"There is no token {which}; see: golive token list")
    tokens.revoke(found, timezone.now())
    audit.record("cli", "token.revoke", found.name)
    typer.echo(f"Token {found.name} (…{found.hint}) is revoked.")


@secret.command("set")
def secret_set(name: Annotated[str, typer.Argument(help="The secret's name.")]) -> None:
    """Keep a secret. The value is asked for, or read from standard input; never give it as an argument."""
    if sys.stdin.isatty():
        value = Prompt.ask(f"Value of {name}", password=True, console=out)
    else:
        value = sys.stdin.read().rstrip("\r\n")
    try:
        made = secrets.put(name, value)
    except secrets.SecretError as error:
        raise fail(str(error)) from None
    audit.record("cli", "secret.set", name, version=made.version)
    typer.echo(f"secret:{name} is kept (version {made.version}).")


@secret.command("list")
def secret_list(as_json: AsJson = False) -> None:
    """List secrets by name; values are never shown."""
    found = secrets.kept()
    if as_json:
        rows = [{"name": s.name, "version": s.version, "changed_at": s.changed_at.isoformat()} for s in found]
        typer.echo(json.dumps(rows, indent=2))
        return
    if not found:
        typer.echo("No secrets yet. Keep one with: golive secret set NAME")
        return
    table = Table("reference", "version", "changed", box=None)
    for s in found:
        table.add_row(f"secret:{s.name}", str(s.version), f"{s.changed_at:%Y-%m-%d %H:%M} UTC")
    out.print(table)


@secret.command("remove")
def secret_remove(name: Annotated[str, typer.Argument(help="The secret's name.")]) -> None:
    """Forget a secret and its earlier versions."""
    if not secrets.remove(name):
        raise fail(f"There is no secret {name}; see: golive secret list")
    audit.record("cli", "secret.remove", name)
    typer.echo(f"secret:{name} is forgotten.")

"""Which database a command or a task means, and the URLs behind its references."""

from golive.people.choice import choose
from golive.people.models import Project
from golive.people.secrets import SecretError, resolve
from golive.postgres.models import Database
from golive.postgres.trouble import NotConfigured


def database_of(project: Project) -> Database:
    """The project's database. Raises NotConfigured."""
    found = Database.objects.filter(project=project).select_related("project").first()
    if found is None:
        raise NotConfigured(
            f'{project.slug} has no database here yet: write [database] url = "env:DATABASE_URL" into golive.toml '
            "and run `golive apply`."
        )
    return found


def chosen(slug: str | None) -> Database:
    """The database of the project that `--project` names, or of the only one there is."""
    return database_of(choose(slug))


def url_of(database: Database) -> str:
    """The URL that golive looks through. Raises NotConfigured."""
    return _resolved(database.url, "url")


def admin_url_of(database: Database) -> str:
    """The URL of a role that may change things. Raises NotConfigured when golive.toml names none."""
    if not database.admin:
        raise NotConfigured(
            'This needs a role that may change things: write [database] admin = "env:DATABASE_ADMIN_URL" into '
            "golive.toml and run `golive apply`, or run the printed script yourself."
        )
    return _resolved(database.admin, "admin")


def replica_urls_of(database: Database) -> list[str]:
    """The URLs of the declared replicas, in their order. Raises NotConfigured."""
    return [_resolved(reference, f"replicas[{number}]") for number, reference in enumerate(database.replicas)]


def _resolved(reference: str, key: str) -> str:
    try:
        return resolve(reference)
    except SecretError as error:
        raise NotConfigured(f"[database] {key} cannot be resolved here. {error}") from error

"""The database that previews are cloned from: production's, scrubbed by the product itself, or its schema alone."""

import secrets
from pathlib import Path

from golive.people import audit
from golive.people.models import Project
from golive.people.secrets import SecretError, resolve
from golive.releases import apart, databases, door, runtime
from golive.releases.databases import DatabaseError
from golive.releases.errors import Refused
from golive.releases.models import Deploy
from golive.releases.previews import PreviewError
from golive.releases.settings import DeploySection
from golive.releases.target import Tell

SCRUB_SECONDS = 3600.0


def renew(project: Project, *, tell: Tell = door.silent, by: str = "golive") -> str:
    """Make the template anew from production; what was done, in words. Raises PreviewError or Refused.

    Without `scrub` only the schema is copied. A copy that could not be scrubbed is dropped; the template before stays.
    """
    live = door.environment(project).live
    if live is None:
        raise Refused("Nothing is deployed to production: there is no database to copy.")
    settings = runtime.settings_of(live.release)
    source, server = _where(settings, runtime.deploy_environment(live))
    draft = f"golive_template_{project.pk}_{secrets.token_hex(4)}"
    try:
        tell(f"copying {'data and schema' if settings.previews.scrub else 'the schema, no data'} of production")
        url = databases.copy(source, server, draft, data=bool(settings.previews.scrub))
        try:
            if settings.previews.scrub:
                _scrub(settings, live, url, tell)
            databases.replace(server, draft, settings.previews.template)
        except BaseException:  # whatever it was, even ^C: what is not scrubbed does not stay
            databases.drop(server, draft)
            raise
    except DatabaseError as error:
        raise PreviewError(f"The template cannot be made: {error}") from error
    said = "scrubbed" if settings.previews.scrub else "schema only"
    audit.record(by, "preview.template", settings.previews.template, project=project, how=said)
    return f"{settings.previews.template} is new ({said}); previews that are opened from now on are clones of it"


def _where(settings: DeploySection, environment: dict[str, str]) -> tuple[str, str]:
    if not settings.previews.template:
        raise PreviewError("[deploy.previews] template names no database.")
    source = environment.get(settings.database, "")
    if not source:
        raise PreviewError("[deploy] database must name the variable that holds production's PostgreSQL URL.")
    if settings.previews.template == databases.name_of(source):
        raise PreviewError(
            f"[deploy.previews] template: {settings.previews.template} is production's own database, and the template "
            "is replaced; name another."
        )
    try:
        return source, resolve(settings.previews.database)
    except SecretError as error:
        raise PreviewError(f"[deploy.previews] database: {error}") from error


def _scrub(settings: DeploySection, live: Deploy, url: str, tell: Tell) -> None:
    environment = {**runtime.deploy_environment(live), settings.database: url}
    words = runtime.argv(settings.previews.scrub, environment)
    folder = Path(live.release.folder)
    ended = apart.run(live.environment, words, folder, environment, tell, timeout_seconds=SCRUB_SECONDS)
    if not ended.well:
        raise PreviewError(f"The copy could not be scrubbed and was dropped: `{settings.previews.scrub}` {ended.said}")

"""What the front serves: every environment's domains and every project's previews, from the database."""

import os
import secrets
from urllib.parse import urlsplit

from django.conf import settings

from golive.kit import synthetic
from golive.people.models import Project
from golive.releases.availability import Address
from golive.releases.host.caddy import Front, Https, Previews, Site
from golive.releases.models import Environment, EnvironmentKind
from golive.releases.section import kept
from golive.releases.settings import DeploySection, EnvironmentSection, EnvironmentsSection

PRODUCTION = "production"


def ports() -> tuple[int, int]:
    """The front's ports for HTTP and HTTPS: GOLIVE_HTTP_PORT and GOLIVE_HTTPS_PORT, default 80 and 443."""
    return int(os.environ.get("GOLIVE_HTTP_PORT", "80")), int(os.environ.get("GOLIVE_HTTPS_PORT", "443"))


def deploy_section(project: Project) -> DeploySection:
    """The applied [deploy] section."""
    return DeploySection.model_validate(kept(project.pk).deploy)


def environment_section(environment: Environment) -> EnvironmentSection:
    """The applied section of one environment."""
    sections = EnvironmentsSection.model_validate(kept(environment.project_id).environments)
    return sections.root.get(environment.name, EnvironmentSection())


def domains(environment: Environment, section: DeploySection) -> tuple[str, ...]:
    """The names by which an environment answers."""
    if environment.is_preview:
        return (f"{environment.name}.{preview_domain(environment.project, section)}",)
    if own := environment_section(environment).domains:
        return tuple(own)
    base = section.domains or _host_of(environment.project)
    if environment.name == PRODUCTION:
        return tuple(base) or (f"{environment.project.slug}.localhost",)
    return (f"{environment.name}.{base[0] if base else f'{environment.project.slug}.localhost'}",)


def _host_of(project: Project) -> list[str]:
    host = urlsplit(project.url).hostname or ""
    return [host] if "." in host and not host.replace(".", "").isdigit() else []


def preview_domain(project: Project, section: DeploySection) -> str:
    base = section.domains or _host_of(project)
    return section.previews.domain or f"preview.{base[0] if base else f'{project.slug}.localhost'}"


def https(environment: Environment, section: DeploySection) -> Https:
    """Where an environment's certificates come from."""
    names = domains(environment, section)
    return environment_section(environment).https or section.https or _default(names)


def _default(names: tuple[str, ...]) -> Https:
    local = all(name == "localhost" or name.endswith((".localhost", ".internal", ".test")) for name in names)
    return Https.INTERNAL if local else Https.AUTOMATIC


def address(environment: Environment, path: str = "/") -> Address:
    """How this machine reaches the environment through the front."""
    section = deploy_section(environment.project)
    plain, secure = ports()
    tls = https(environment, section) is not Https.OFF
    return Address("https" if tls else "http", domains(environment, section)[0], secure if tls else plain, path)


def url(environment: Environment) -> str:
    """The environment's address as people type it."""
    found = address(environment, "")
    usual = (found.scheme, found.port) in (("https", 443), ("http", 80))
    return f"{found.scheme}://{found.domain}" + ("" if usual else f":{found.port}")


def front() -> Front:
    """All that the front serves."""
    sites: list[Site] = []
    previews: list[Previews] = []
    environments = Environment.objects.filter(closed_at=None).select_related("project").order_by("pk")
    sections = {project.pk: deploy_section(project) for project in Project.objects.all()}
    for one in environments.filter(kind=EnvironmentKind.PERMANENT).exclude(live=None):
        section = sections[one.project_id]
        if section.target == "host":
            sites.append(Site(domains(one, section), one.link, f"{one.link}c", https(one, section)))
    for project in Project.objects.filter(environments__kind=EnvironmentKind.PREVIEW).distinct():
        section = sections[project.pk]
        name = preview_domain(project, section)
        previews.append(Previews(name, f"p{project.pk}", section.https or _default((name,))))
    plain, secure = ports()
    return Front(plain, secure, tuple(sites), tuple(previews), _console(), os.environ.get("GOLIVE_FRONT_LISTEN", ""))


def _console() -> str:
    host = os.environ.get("GOLIVE_HOST", "127.0.0.1")
    local = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104
    return f"{local}:{os.environ.get('GOLIVE_PORT') or urlsplit(settings.PUBLIC_URL).port or 8400}"


def synthetic_headers() -> dict[str, str]:
    """A trace whose id begins with this install's marker: what comes of it counts as golive's, not as a customer's."""
    trace = synthetic.marker() + secrets.token_hex(10)
    return {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01", "User-Agent": "golive"}

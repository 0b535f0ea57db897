"""What is put under load: a preview or another environment of the project, or an address of its own - nobody else's."""

import ipaddress
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from django.utils import timezone

from golive.people.models import Project
from golive.releases import passes, previews, runtime, sites
from golive.releases.models import Environment, EnvironmentKind

PASS_LASTS = timedelta(hours=2)


class AimError(Exception):
    """Nothing that may be put under load; the message says what to do."""

    exit_code = 3


@dataclass(frozen=True)
class Aim:
    """Where users go. `lead`: (name, address) where no resolver knows the name; `database`: the product's own."""

    host: str
    said: str
    environment: str = ""
    release: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    lead: tuple[str, str] | None = None
    own_certificate: bool = False
    database: str = ""
    here: bool = False  # on this machine: its processors can be watched


def at_environment(project: Project, name: str) -> Aim:
    """An environment that golive deployed. Raises AimError."""
    where = (
        Environment.objects.filter(project=project, name=name, closed_at=None).select_related("live__release").first()
    )
    if where is None or where.live is None:
        there = ", ".join(Environment.objects.filter(project=project, closed_at=None).values_list("name", flat=True))
        raise AimError(f"Nothing is deployed to {name!r}; there is {there or 'nothing yet'}.")
    if where.is_preview and where.asleep:
        previews.wake(where)
    address = sites.address(where, "")
    token = passes.sign(address.domain, timezone.now() + PASS_LASTS) if where.is_preview else ""
    settings = runtime.settings_of(where.live.release)
    return Aim(
        host=f"{address.scheme}://{address.domain}:{address.port}",
        said=f"{name} at {sites.url(where)}",
        environment=name,
        release=where.live.release.name,
        headers={passes.HEADER: token} if token else {},
        lead=(address.domain, "127.0.0.1"),
        own_certificate=True,
        database=runtime.deploy_environment(where.live).get(settings.database, "") if settings.database else "",
        here=True,
    )


def newest_preview(project: Project) -> str:
    """The preview that was asked for last. Raises AimError."""
    found = (
        Environment.objects.filter(project=project, kind=EnvironmentKind.PREVIEW, closed_at=None)
        .exclude(live=None)
        .order_by("-asked_at", "-pk")
        .first()
    )
    if found is None:
        raise AimError("There is no preview to put under load: push a pull request, or name an address with --url.")
    return found.name


def at_address(project: Project, url: str, *, release: str = "", database: str = "") -> Aim:
    """An address: this machine's, or below the project's own domain. Raises AimError."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not name or parts.username or parts.password:
        raise AimError(f"--url is an address such as http://127.0.0.1:8000, without a password; not {url!r}.")
    local = name == "localhost" or name.endswith(".localhost") or _loopback(name)
    own = urlsplit(project.url).hostname or ""
    if not local and not (own and (name == own or name.endswith(f".{own}"))):
        raise AimError(
            f"{name} is neither this machine nor below {own or 'the [app] url, which is not set'}: "
            "golive puts load on your own product only."
        )
    place = f"{parts.scheme}://{parts.netloc}"
    lead = (name, "127.0.0.1") if name.endswith(".localhost") else None
    return Aim(
        place, place, release=release, database=database, here=local, lead=lead, own_certificate=lead is not None
    )


def is_production(project: Project, found: Aim) -> bool:
    """Whether customers are there: by the environment's name, or by a name that production answers to, at any port."""
    if found.environment:
        return found.environment == sites.PRODUCTION
    where = Environment.objects.filter(project=project, name=sites.PRODUCTION).first()
    names = {urlsplit(project.url).hostname, *(sites.domains(where, sites.deploy_section(project)) if where else ())}
    return urlsplit(found.host).hostname in names


def _loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False

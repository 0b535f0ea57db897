"""What a process of a release gets: its command line, its folder, its environment."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from string import Template

from golive.releases import variables
from golive.releases.models import Deploy, Environment, Release
from golive.releases.settings import DeploySection, Process

INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")


def settings_of(release: Release) -> DeploySection:
    """The [deploy] section that a release was built with."""
    return DeploySection.model_validate(release.settings)


def processes(deploy: Deploy) -> dict[str, Process]:
    """The process types of a deploy; a preview, which few people look at, has one of each."""
    found = settings_of(deploy.release).processes
    if not deploy.environment.is_preview:
        return found
    return {name: one.model_copy(update={"count": 1}) for name, one in found.items()}


def base(folder: Path) -> dict[str, str]:
    """The environment before any variable: a PATH that finds the release's own programs first."""
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    own = [str(folder / ".venv" / "bin"), str(folder / "node_modules" / ".bin")]
    environment["PATH"] = os.pathsep.join([*own, environment.get("PATH", "/usr/local/bin:/usr/bin:/bin")])
    environment["VIRTUAL_ENV"] = str(folder / ".venv")
    environment["HOME"] = os.environ.get("HOME", "/")
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def environment_of(release: Release, where: Environment, version: int | None = None) -> dict[str, str]:
    """Everything a command of this release is told in this environment, with the variables of a version."""
    given = variables.values(where, version)
    ours = {
        "GOLIVE_RELEASE": release.name,
        "GOLIVE_ENVIRONMENT": where.name,
        "SENTRY_RELEASE": release.name,
        "SENTRY_ENVIRONMENT": where.name,
        "OTEL_SERVICE_NAME": given.get("OTEL_SERVICE_NAME", release.project.slug),
        "OTEL_RESOURCE_ATTRIBUTES": resource(given.get("OTEL_RESOURCE_ATTRIBUTES", ""), release.name, where.name),
    }
    found = base(Path(release.folder)) | given | ours
    if "PATH" in given:
        found["PATH"] = os.pathsep.join([base(Path(release.folder))["PATH"], given["PATH"]])
    return found


def resource(given: str, release: str, environment: str) -> str:
    """OTEL_RESOURCE_ATTRIBUTES with the release and environment that telemetry is compared by."""
    kept = [
        part
        for part in given.split(",")
        if part and part.partition("=")[0].strip() not in ("service.version", "deployment.environment.name")
    ]
    return ",".join([*kept, f"service.version={release}", f"deployment.environment.name={environment}"])


def argv(line: str, environment: Mapping[str, str]) -> list[str]:
    """A command line as words, with `$NAME` filled in from the environment; no shell has a hand in it."""
    return [Template(word).safe_substitute(environment) for word in shlex.split(line)]


def deploy_environment(deploy: Deploy) -> dict[str, str]:
    return environment_of(deploy.release, deploy.environment, deploy.variables_version)

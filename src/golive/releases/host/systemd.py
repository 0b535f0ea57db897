"""Units under systemd, where that is process 1: it keeps them, so they outlive golive and a reboot."""

import shutil
import subprocess
import time
from pathlib import Path

from golive.kit.folders import write_private
from golive.releases.host import units
from golive.releases.host.place import Place
from golive.releases.host.units import Standing, Unit

FOLDER = Path("/etc/systemd/system")
PREFIX = "golive-"


def is_first() -> bool:
    """Whether systemd is process 1 here and we may write its units."""
    return Path("/run/systemd/system").is_dir() and FOLDER.is_dir() and _writable(FOLDER)


def _writable(folder: Path) -> bool:
    try:
        probe = folder / ".golive-probe"
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def unit_file(unit: Unit, place: Place) -> str:
    """A service that is started again when it dies; its environment is in a file that only its owner can read."""
    command = " ".join(_quoted(word) for word in _found(unit))
    log = place.logs / f"{unit.name}.log"
    return f"""[Unit]
Description=golive {unit.name}
After=network.target
StartLimitIntervalSec=0

[Service]
ExecStart={command}
WorkingDirectory={_literal(unit.folder)}
EnvironmentFile={_literal(place.units / f"{unit.name}.env")}
Restart=always
RestartSec=500ms
KillMode=control-group
TimeoutStopSec={unit.stop_seconds:.0f}
UMask=0077
NoNewPrivileges=yes
StandardOutput=append:{_literal(log)}
StandardError=append:{_literal(log)}

[Install]
WantedBy=multi-user.target
"""


def _found(unit: Unit) -> tuple[str, ...]:
    """The command with its program's whole path: systemd does not look along the unit's own PATH."""
    program = shutil.which(unit.command[0], path=unit.environment.get("PATH"))
    return (program or unit.command[0], *unit.command[1:])


def _literal(path: object) -> str:
    return str(path).replace("%", "%%")


def environment_file(unit: Unit) -> str:
    """`NAME="value"` lines; a value with a newline keeps it inside the quotes, as systemd reads them."""
    lines = []
    for name, value in sorted(unit.environment.items()):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`")
        lines.append(f'{name}="{escaped}"')
    return "\n".join(lines) + "\n"


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


class SystemdSupervisor:
    """Units as systemd services. Tried only by its texts: the machines we build on have another process 1."""

    def __init__(self, place: Place) -> None:
        self.place = place.make()

    def start(self, wanted: list[Unit]) -> None:
        for unit in wanted:
            units.write(self.place, unit)
            write_private(self.place.units / f"{unit.name}.env", environment_file(unit).encode())
            (FOLDER / f"{PREFIX}{unit.name}.service").write_text(unit_file(unit, self.place))
        self._control("daemon-reload")
        self._control("enable", "--now", *(f"{PREFIX}{unit.name}.service" for unit in wanted))

    def stop(self, names: list[str]) -> None:
        if not names:
            return
        self._control("disable", "--now", *(f"{PREFIX}{name}.service" for name in names))
        for name in names:
            units.remove(self.place, name)
            (self.place.units / f"{name}.env").unlink(missing_ok=True)
            (FOLDER / f"{PREFIX}{name}.service").unlink(missing_ok=True)
        self._control("daemon-reload")

    def standing(self, name: str) -> Standing:
        words = ["systemctl", "show", f"{PREFIX}{name}.service", "-p", "MainPID,NRestarts,ActiveState,Result"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=10)
        found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
        pid = int(found.get("MainPID", "0")) or None
        ended = "" if found.get("Result", "success") == "success" else found["Result"]
        state = "running" if pid else found.get("ActiveState", "unknown")
        return Standing(pid, units.created(pid), state, int(found.get("NRestarts", "0") or 0), ended, time.time())

    def ensure(self) -> bool:
        """systemd needs no help to run."""
        return False

    def _control(self, *words: str) -> None:
        subprocess.run(["systemctl", *words], capture_output=True, check=True, timeout=60)

"""`python -m tests.releases.killing`: kills a deploy at every step, before and after its work, and looks who serves.

Prints one JSON line for each kill. A program of its own: it forks, and has a data folder and a database in a file.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

DATA = Path(tempfile.mkdtemp(prefix="golive-kill-"))
os.environ["GOLIVE_DATA"] = str(DATA)
os.environ["DJANGO_SETTINGS_MODULE"] = "golive.settings"

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from examples.demo.install import free_ports  # noqa: E402
from golive.incidents.intake import take_flips  # noqa: E402
from golive.incidents.models import Incident  # noqa: E402
from golive.kit.clock import SYSTEM  # noqa: E402
from golive.people.models import Project  # noqa: E402
from golive.releases import door, lock  # noqa: E402
from golive.releases.executor import Executor  # noqa: E402
from golive.releases.host import keeper, units  # noqa: E402
from golive.releases.host.keeper import KeeperSupervisor  # noqa: E402
from golive.releases.host.place import place  # noqa: E402
from golive.releases.models import Deploy, DeployKind, DeployState, DeployStep, Release  # noqa: E402
from tests.releases.conftest import QUICK, Shop  # noqa: E402

STEPS = ("gates", "push", "migrate", "start", "health", "canary", "switch", "verify", "settle")
ROLLED_BACK = ("start", "canary", "switch", "verify", "settle")
ASKS = 6


class Killed(Executor):
    """An executor that kills its process at one point: before a step's work, or after it and before the record."""

    at: tuple[str, str] = ("", "")

    def entered(self, step: DeployStep) -> None:
        super().entered(step)
        self._die("entered", step)

    def left(self, step: DeployStep) -> None:
        super().left(step)
        self._die("left", step)

    def _die(self, moment: str, step: DeployStep) -> None:
        if self.at == (moment, step.name):
            os.kill(os.getpid(), signal.SIGKILL)


def killed_deploy(shop: Shop, release: Release, moment: str, step: str) -> int:
    """Deploy in a process that is killed at a point; the signal by which it ended."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        Killed.at = (moment, step)
        made = door.begin(release, shop.where, DeployKind.DEPLOY, "kill", canary=10)
        Killed(made, lambda line: None, SYSTEM).run()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def answers(shop: Shop) -> list[str]:
    return sorted({f"{answer.status_code} {answer.text}" for answer in (shop.get() for _ in range(ASKS))})


def one(shop: Shop, moment: str, step: str, *, back: bool) -> dict[str, object]:
    """Kill there; who serves; then finish it by resume or undo it by rollback; who serves then."""
    before = answers(shop)
    release = shop.build()
    number = killed_deploy(shop, release, moment, step)
    during = answers(shop)
    free = not lock.is_held(shop.where)
    left = door.unfinished(shop.where)
    state = left.state if left else ""
    outcome = door.rollback(shop.where, by="kill") if back else door.resume(shop.where)
    return {
        "point": f"{moment} {step}", "signal": number, "before": before, "during": during, "lock_free": free,
        "state": state, "finish": "rollback" if back else "resume", "outcome": outcome.state if outcome else "",
        "after": answers(shop), "new": f"200 {release.name}",
        "incidents": _incidents(shop, release),
        "open": Deploy.objects.filter(state__in=[DeployState.RUNNING, DeployState.UNDOING]).count(),
    }  # fmt: skip


def _incidents(shop: Shop, release: Release) -> int:
    """The incidents that tell of this release's deploy."""
    take_flips(SYSTEM.now())
    deploy = Deploy.objects.filter(release=release).latest("id")
    return Incident.objects.filter(timeline__flip__evidence__deploy=deploy.pk).distinct().count()


def main() -> None:
    plain, secure = free_ports(2)
    os.environ |= {"GOLIVE_HTTP_PORT": str(plain), "GOLIVE_HTTPS_PORT": str(secure), "GOLIVE_FRONT_LISTEN": "127.0.0.1"}
    call_command("migrate", verbosity=0)
    run = f"{sys.executable} server.py $SOCKET"
    settings = {**QUICK, "watch": "100ms", "processes": {"web": {"run": run}}, "build": [], "release": "true"}
    shop = Shop(Project.objects.create(slug="shop", name="shop"), DATA / "sources", plain, settings)
    try:
        shop.ship()
        for step in STEPS:
            for moment in ("entered", "left"):
                print(json.dumps(one(shop, moment, step, back=False)), flush=True)
            if step in ROLLED_BACK:
                print(json.dumps(one(shop, "entered", step, back=True)), flush=True)
    finally:
        where = place()
        names = units.names(where)
        KeeperSupervisor(where).stop(names)
        units.wait_gone(where, names, 20)
        if pid := keeper.keeper_pid(where):
            os.kill(pid, signal.SIGTERM)
        shutil.rmtree(DATA, ignore_errors=True)


if __name__ == "__main__":
    main()

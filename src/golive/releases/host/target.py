"""The host target: units on unix sockets, judged by the kernel's word, switched by one rename."""

import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from golive.releases import apart, runtime, sites
from golive.releases.errors import StepFailed
from golive.releases.health import Health, Process, Sight, decide
from golive.releases.host import front, slots, units
from golive.releases.host.choose import supervisor
from golive.releases.host.place import Place, place
from golive.releases.host.socket_http import ask
from golive.releases.host.units import Unit
from golive.releases.models import Deploy, Environment
from golive.releases.target import Look, Tell

ASK_SECONDS = 0.1
WEB = "web"


class HostTarget:
    """Runs releases on this machine."""

    def __init__(self, where: Place | None = None) -> None:
        self.place = (where or place()).make()
        self.supervisor = supervisor(self.place)

    def push(self, deploy: Deploy, tell: Tell) -> str:
        folder = Path(deploy.release.folder)
        if not deploy.release.folder or not folder.is_dir():
            raise StepFailed(f"The files of {deploy.release.name} are gone; build it again.")
        return str(folder)

    def start(self, deploy: Deploy, tell: Tell) -> str:
        wanted = web_units(deploy, self.place)
        sockets = self.place.instance(deploy.instance)
        sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        apart.hand_over(deploy.environment, Path(deploy.release.folder), sockets)
        self.supervisor.start(wanted)
        return f"{len(wanted)} processes as {deploy.instance}"

    def wait_healthy(self, deploy: Deploy, tell: Tell) -> str:
        settings = runtime.settings_of(deploy.release)
        sockets = self._sockets(deploy)
        seen = {name: list[Sight]() for name in sockets}
        began = time.monotonic()
        restarts_before = {name: self.supervisor.standing(name).restarts for name in sockets}
        said = ""
        while True:
            for name, socket in sockets.items():
                seen[name] = [*seen[name][-settings.healthy :], self._look_at(name, socket, deploy, settings.health)]
            processes = [
                Process(name, seen[name], standing.restarts - restarts_before[name], _why(self.place, name, standing))
                for name in sockets
                for standing in [self.supervisor.standing(name)]
            ]
            limit = settings.start_timeout.total_seconds()
            wanted = 1 if deploy.reuses_id else settings.healthy  # what is warm has proved itself before
            decision = decide(processes, wanted, time.monotonic() - began, limit)
            if decision.reason != said:
                said = decision.reason
                tell(said)
            if decision.health is Health.GOOD:
                return decision.reason
            if decision.health is Health.BAD:
                raise StepFailed(decision.reason)
            time.sleep(ASK_SECONDS)

    def _look_at(self, name: str, socket: Path, deploy: Deploy, path: str) -> Sight:
        domain = sites.address(deploy.environment).domain
        answer = ask(socket, path, host=domain, headers=synthetic(), timeout_seconds=5.0)
        standing = self.supervisor.standing(name)
        genuine = standing.pid is not None and _belongs(answer.pid, standing.pid)
        if answer.release and answer.release != deploy.runs_as.release.name:
            genuine = False
        return Sight(answer.status, genuine, answer.problem)

    def canary(self, deploy: Deploy, percent: int, tell: Tell) -> str:
        old = tuple(self._sockets(deploy.previous).values()) if deploy.previous else ()
        new = tuple(self._sockets(deploy).values())
        live = self.place.live(deploy.environment.link)
        slots.flip(live.with_name(f"{live.name}c"), slots.Split(new))
        slots.flip(live, slots.Split(old, new, percent))
        return f"{percent} % of requests, and those with the cookie golive_canary=1"

    def switch(self, deploy: Deploy, tell: Tell) -> str:
        live = self.place.live(deploy.environment.link)
        split = slots.Split((), tuple(self._sockets(deploy).values()))
        began = time.perf_counter()
        slots.flip(live, split)
        took = (time.perf_counter() - began) * 1000
        if not deploy.environment.is_preview:
            slots.flip(live.with_name(f"{live.name}c"), split)
        others = other_units(deploy, self.place)
        if others:
            self.supervisor.start(others)
        if deploy.previous and deploy.previous.runs_as.pk != deploy.runs_as.pk:
            self.supervisor.stop([unit.name for unit in other_units(deploy.previous, self.place)])
        return f"in {took:.1f} ms"

    def serve(self) -> bool:
        """Have the front serve what the database says. True when that changed it."""
        try:
            return front.bring_up(sites.front(), self.place, self.supervisor)
        except front.FrontError as error:
            raise StepFailed(str(error)) from error

    def look(self, deploy: Deploy) -> Look:
        settings = runtime.settings_of(deploy.release)
        problems: list[str] = []
        restarts, ended, pids = 0, "", list[int]()
        for name, socket in self._sockets(deploy).items():
            sight = self._look_at(name, socket, deploy, settings.health)
            standing = self.supervisor.standing(name)
            restarts += standing.restarts
            ended = ended or _why(self.place, name, standing)
            if standing.pid:
                pids.append(standing.pid)
            if not 200 <= sight.status < 300:
                problems.append(f"{name} answered {sight.status}" if sight.status else f"{name}: {sight.problem}")
        connections = database_connections(deploy, pids)
        return Look(not problems, "; ".join(problems), restarts, ended, connections)

    def stop(self, deploy: Deploy, tell: Tell) -> None:
        settings = runtime.settings_of(deploy.release)
        folder = self.place.instance(deploy.instance)
        end = time.monotonic() + settings.drain.total_seconds()
        while (held := slots.connections(folder)) and time.monotonic() < end:
            tell(f"{held} requests or WebSockets under way")
            time.sleep(0.25)
        names = [name for name in units.names(self.place) if name.startswith(f"{deploy.instance}-")]
        self.supervisor.stop(names)
        units.wait_gone(self.place, names, 20.0)
        for socket in folder.glob("*.sock"):
            socket.unlink(missing_ok=True)

    def is_warm(self, deploy: Deploy) -> bool:
        sockets = self._sockets(deploy)
        return (
            deploy.stopped_at is None
            and bool(sockets)
            and all(self.supervisor.standing(name).alive and socket.exists() for name, socket in sockets.items())
        )

    def serves(self, environment: Environment, deploy: Deploy) -> bool:
        found = slots.serving(self.place.live(environment.link))
        return set(found) == {self.place.instance(deploy.instance)}

    def _sockets(self, deploy: Deploy) -> dict[str, Path]:
        count = runtime.processes(deploy)[WEB].count
        folder = self.place.instance(deploy.instance)
        return {f"{deploy.instance}-{WEB}-{i}": folder / f"{WEB}.{i}.sock" for i in range(1, count + 1)}


def web_units(deploy: Deploy, where: Place) -> list[Unit]:
    """The processes that take requests."""
    return [unit for unit in all_units(deploy, where) if f"-{WEB}-" in unit.name]


def other_units(deploy: Deploy, where: Place) -> list[Unit]:
    """Workers and the like: of these only the serving release's run."""
    return [unit for unit in all_units(deploy, where) if f"-{WEB}-" not in unit.name]


def all_units(deploy: Deploy, where: Place) -> list[Unit]:
    """Every process of a deploy as a unit."""
    environment = runtime.deploy_environment(deploy)
    found: list[Unit] = []
    for kind, process in runtime.processes(deploy).items():
        for number in range(1, process.count + 1):
            socket = str(where.instance(deploy.instance) / f"{kind}.{number}.sock")
            # Only the front can reach the socket: uvicorn and gunicorn may believe it who asks, by X-Forwarded-For.
            own = {"FORWARDED_ALLOW_IPS": "*", **environment, "SOCKET": socket, "PROCESS": f"{kind}.{number}"}
            own = apart.environment(deploy.environment, own)
            command = apart.words(
                deploy.environment,
                deploy.release.folder,
                runtime.argv(process.run, own),
                where.instance(deploy.instance),
            )
            found.append(Unit(f"{deploy.instance}-{kind}-{number}", command, deploy.release.folder, own))
    return found


def synthetic() -> dict[str, str]:
    """A header by which telemetry knows that golive asks, not a customer."""
    return sites.synthetic_headers()


def database_connections(deploy: Deploy, pids: list[int]) -> int | None:
    """How many connections the processes hold to their database; None when it is not known which that is."""
    variable = runtime.settings_of(deploy.release).database
    if not variable:
        return None
    place_ = urlsplit(runtime.deploy_environment(deploy).get(variable, ""))
    port = place_.port or 5432
    if not place_.hostname:
        return None
    count = 0
    for pid in pids:
        try:
            family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            for process in family:
                count += sum(
                    1
                    for one in process.net_connections("tcp")
                    if one.status == psutil.CONN_ESTABLISHED and one.raddr and one.raddr.port == port
                )
        except psutil.Error:
            continue
    return count


def _belongs(pid: int, unit: int) -> bool:
    """Whether the listener is the unit's process or one that it started."""
    if pid == unit:
        return True
    try:
        return any(parent.pid == unit for parent in psutil.Process(pid).parents())
    except psutil.Error:
        return False


def _why(where: Place, name: str, standing: units.Standing) -> str:
    if not standing.ended:
        return ""
    lines = [line for line in units.last_words(where, name).splitlines() if line.strip()]
    return f"{standing.ended}: {lines[-1][:200]}" if lines else standing.ended

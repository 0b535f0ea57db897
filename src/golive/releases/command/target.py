"""Deploys by the user's own commands: containers, Kamal, Fly, Kubernetes, or a row of machines by ssh."""

import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from golive.releases import commandline, runtime
from golive.releases.errors import StepFailed
from golive.releases.models import Deploy, Environment
from golive.releases.target import Look, Tell

SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "StrictHostKeyChecking=yes")


def filled(line: str, values: Mapping[str, str]) -> list[str]:
    """A template as words, with {name} replaced inside each word; no shell, so a value stays one word."""
    words = shlex.split(line)
    for name, value in values.items():
        words = [word.replace(f"{{{name}}}", value) for word in words]
    return words


def remote(host: str, words: Sequence[str], config: str = "") -> list[str]:
    """The same command on another machine (user@name:port), its words quoted for the shell there."""
    name, colon, port = host.rpartition(":")
    if not (colon and port.isdigit() and ":" not in name):  # an IPv6 address is no name with a port
        name, port = host, ""
    options = [*(("-F", config) if config else ()), *(("-p", port) if port else ())]
    return [*SSH, *options, "--", name, shlex.join(words)]


class CommandTarget:
    """Runs the templates of `[deploy.command]`; on several hosts one after the other, which is a rolling deploy."""

    def push(self, deploy: Deploy, tell: Tell) -> str:
        return self._each(deploy, runtime.settings_of(deploy.release).command.push, tell, here=True)

    def start(self, deploy: Deploy, tell: Tell) -> str:
        return self._each(deploy, runtime.settings_of(deploy.release).command.start, tell)

    def wait_healthy(self, deploy: Deploy, tell: Tell) -> str:
        settings = runtime.settings_of(deploy.release)
        if not settings.command.health:
            return "no health command"
        end, good = time.monotonic() + settings.start_timeout.total_seconds(), 0
        while good < settings.healthy:
            try:
                self._each(deploy, settings.command.health, tell)
                good += 1
            except StepFailed as error:
                good = 0
                if time.monotonic() > end:
                    raise StepFailed(f"not healthy in {settings.start_timeout}: {error}") from error
                time.sleep(0.5)
        return f"{good} times in a row"

    def canary(self, deploy: Deploy, percent: int, tell: Tell) -> str:
        raise StepFailed('A canary needs target = "host": commands of your own switch all or nothing.')

    def switch(self, deploy: Deploy, tell: Tell) -> str:
        """One host after the other: the next is only switched when the one before is healthy with it."""
        command = runtime.settings_of(deploy.release).command
        if len(command.hosts) < 2:
            return self._each(deploy, command.switch, tell)
        for host in command.hosts:
            self._each(deploy, command.switch, tell, hosts=[host])
            self._each(deploy, command.health, tell, hosts=[host])
        return f"{len(command.hosts)} hosts, one after the other"

    def serve(self) -> bool:
        return False

    def look(self, deploy: Deploy) -> Look:
        commands = runtime.settings_of(deploy.release).command.health
        try:
            self._each(deploy, commands, lambda line: None)
        except StepFailed as error:
            return Look(False, str(error))
        return Look(True)

    def stop(self, deploy: Deploy, tell: Tell) -> None:
        self._each(deploy, runtime.settings_of(deploy.release).command.stop, tell)

    def is_warm(self, deploy: Deploy) -> bool:
        return deploy.stopped_at is None and self.look(deploy).healthy

    def serves(self, environment: Environment, deploy: Deploy) -> bool:
        return environment.live_id == deploy.pk

    def _each(
        self,
        deploy: Deploy,
        lines: Sequence[str],
        tell: Tell,
        *,
        here: bool = False,
        hosts: Sequence[str] | None = None,
    ) -> str:
        command = runtime.settings_of(deploy.release).command
        environment = runtime.deploy_environment(deploy)
        values = {
            "release": deploy.release.name,
            "number": str(deploy.release.number),
            "folder": deploy.release.folder,
            "commit": deploy.release.commit,
            "environment": deploy.environment.name,
            "previous": deploy.previous.release.name if deploy.previous else "",
        }
        hosts = () if here else command.hosts if hosts is None else hosts
        for host in hosts or ("",):
            for line in lines:
                words = filled(line, {**values, "host": host})
                tell(f"$ {f'[{host}] ' if host else ''}{shlex.join(words)}")
                ended = commandline.run(
                    remote(host, words, command.ssh_config) if host else words,
                    folder=Path(deploy.release.folder or "/"),
                    environment=environment,
                    tell=tell,
                    timeout_seconds=command.timeout.total_seconds(),
                )
                if not ended.well:
                    raise StepFailed(f"`{line}` {ended.said}" + (f" on {host}" if host else ""))
        return f"{len(lines)} commands" + (f" on {len(hosts)} hosts" if hosts else "")

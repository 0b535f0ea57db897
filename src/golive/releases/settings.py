"""`[deploy]`, `[environments]` and `[cron]` of golive.toml as models."""

import re
import shlex
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator, model_validator

from golive.config.values import Duration
from golive.releases.host.caddy import Https

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
Domain = Annotated[str, Field(pattern=DOMAIN.pattern.replace("(?=.{1,253}$)", "^") + "$", max_length=253)]


def _argv(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"a command line with its quotes closed ({error})") from error
    if not words:
        raise ValueError("a command line")
    return text


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Process(Strict):
    """One type of process."""

    run: str
    """Its command line; no shell. `$SOCKET` is the unix socket on which a `web` process must listen."""
    count: Annotated[int, Field(ge=1, le=16)] = 1
    """How many of it run side by side."""

    _check = field_validator("run")(_argv)


class CommandTarget(Strict):
    """Deploying by your own commands: argv templates with {release}, {folder}, {commit}, {environment}, {previous}."""

    push: list[str] = []
    """Brings the build there: `["rsync -a {folder}/ web1:/srv/{release}/"]`."""
    start: list[str] = []
    """Starts the release beside the old one."""
    health: list[str] = []
    """Exits 0 when the new release is healthy."""
    switch: list[str] = []
    """Sends all requests to {release}; run again with the previous release to roll back."""
    stop: list[str] = []
    """Stops {release}, once another serves."""
    hosts: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@:-]*$")]] = []
    """Run `start`, `health`, `switch` and `stop` by ssh on each of these (user@name:port) in turn; without any, here.
    With several a host is only switched when the one before is healthy again."""
    ssh_config: str = ""
    """A file that ssh reads in place of its own configuration: keys, known hosts, jumps."""
    timeout: Duration = timedelta(minutes=5)
    """Of each command."""

    @field_validator("push", "start", "health", "switch", "stop")
    @classmethod
    def _commands(cls, lines: list[str]) -> list[str]:
        return [_argv(line) for line in lines]


class PreviewSettings(Strict):
    """Previews of pull requests."""

    domain: Domain | None = None
    """Previews answer at NAME.DOMAIN; default: `preview.` and the first domain, else `preview.PROJECT.localhost`."""
    most: Annotated[int, Field(ge=1, le=100)] = 5
    """So many are awake at once; the one that nobody has asked for longest falls asleep, and wakes when asked."""
    keep: Duration = timedelta(days=7)
    """A preview that nobody deploys to for so long is torn down."""
    protect: Literal["login", "link", "none"] = "login"
    """Who may look: people of this install, anybody with a link from `golive previews link`, or everybody."""
    database: str = ""
    """A PostgreSQL server for previews, by reference: `secret:NAME`, `env:NAME` or `file:PATH`."""
    template: str = ""
    """The name of a scrubbed database on that server; each preview gets a clone of it."""
    scrub: str = ""
    """A command line that makes a copy of production fit to be seen: `golive previews template` runs it on one. It sees
    the copy in the variable that [deploy] database names. Without it only the schema is copied."""
    seed: str = ""
    """A command line run once in a new preview, after `release`."""
    payments: Annotated[str, Field(pattern="^(/|$)")] = ""
    """The path of the product's payment webhook: where the simulator at {payments} sends its events."""
    variables: dict[str, str] = {}
    """Variables of previews; they get none of production's. Filled in: {url}, {name}, {database}, {smtp} (mail is
    caught), {payments} (a payment simulator in Stripe's place) and {secret} (64 hex digits of the preview's own)."""


class DeploySection(Strict):
    """How the product is built, started and judged."""

    target: Literal["host", "command"] = "host"
    """Where it runs: on this host under golive, or wherever your own commands put it."""
    processes: dict[str, Process] = {}
    """The process types: `{ web = "uvicorn acme:app --uds $SOCKET", worker = { run = "...", count = 2 } }`."""
    build: list[str] | None = None
    """Command lines that make a build from the source; default: a virtual environment or `npm ci` from a lock file."""
    release: str = ""
    """Run once before the new release starts: migrations. It sees PGOPTIONS with a lock_timeout."""
    database: str = ""
    """The variable that holds the PostgreSQL URL: migrations are then linted and rehearsed, connections watched."""
    lock_timeout: Duration = timedelta(seconds=1)
    """A migration that waits longer for a lock gives up, and is tried again."""
    lock_tries: Annotated[int, Field(ge=1, le=50)] = 5
    """How often a migration is tried when a lock is in its way."""
    health: Annotated[str, Field(pattern="^/")] = "/"
    """The path that answers 2xx when a process is well."""
    healthy: Annotated[int, Field(ge=1, le=100)] = 3
    """So many such answers in a row, of each process, before it takes requests."""
    start_timeout: Duration = timedelta(seconds=60)
    """A release that is not healthy by then is not switched to."""
    watch: Duration = timedelta(seconds=30)
    """How long the new release is watched after the switch before the deploy counts as done."""
    slack: Duration = timedelta(milliseconds=100)
    """A new release is too slow when its p95 has doubled and grown by more than this."""
    smoke: list[str] = []
    """Command lines run after the switch with BASE_URL set; one that fails rolls back."""
    journeys: list[str] = []
    """Files of journeys run after the switch as smoke tests: `["checks/test_signup.py"]`."""
    warm: Duration = timedelta(minutes=15)
    """How long the old release keeps running after that, so that a rollback is one flip."""
    drain: Duration = timedelta(seconds=30)
    """How long requests and WebSockets of a release that is being stopped may go on."""
    keep: Annotated[int, Field(ge=2, le=100)] = 5
    """How many releases are kept on disk."""
    domains: list[Domain] = []
    """The names by which production answers; default: the host of [app] url."""
    https: Https | None = None
    """Certificates: "automatic", "internal" or "off"; default: automatic, and internal for localhost."""
    command: CommandTarget = CommandTarget()
    """The commands of target = "command"."""
    previews: PreviewSettings = PreviewSettings()
    """How previews of pull requests behave."""
    drill: bool = True
    """Once a week: does the previous release still start and answer on today's schema?"""

    @field_validator("processes", mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        if isinstance(value, dict):
            return {name: {"run": one} if isinstance(one, str) else one for name, one in value.items()}
        return value

    @model_validator(mode="after")
    def _own_template(self) -> "DeploySection":
        name = self.previews.template
        if name in ("postgres", "template0", "template1"):
            raise ValueError(f"[deploy.previews] template: a database of its own, not {name}; it is replaced")
        return self

    @field_validator("build", "smoke")
    @classmethod
    def _lines(cls, value: list[str] | None) -> list[str] | None:
        return [_argv(line) for line in value] if value else value

    @model_validator(mode="after")
    def _whole(self) -> "DeploySection":
        for name in self.processes:
            if not NAME.fullmatch(name):
                raise ValueError(f"the process type {name!r} must be small letters, digits and -")
        if "web" in self.processes and "SOCKET" not in self.processes["web"].run:
            raise ValueError("the web process must listen on the unix socket $SOCKET; name it in its command line")
        return self


class EnvironmentSection(Strict):
    """One environment beside what [deploy] says."""

    domains: list[Domain] = []
    """The names by which it answers."""
    https: Https | None = None
    """Certificates, when other than [deploy] says."""
    watch: Duration | None = None
    """How long a release is watched here."""
    after: str | None = None
    """Only releases that were deployed well to this environment may come here."""


class EnvironmentsSection(RootModel[dict[str, EnvironmentSection]]):
    """The environments by name; "production" is always there."""

    root: dict[str, EnvironmentSection] = {}

    @model_validator(mode="after")
    def _names(self) -> "EnvironmentsSection":
        for name, one in self.root.items():
            if not NAME.fullmatch(name):
                raise ValueError(f"the environment {name!r} must be small letters, digits and -, at most 31")
            if one.after and one.after not in {*self.root, "production"}:
                raise ValueError(f"{name}.after names an environment: {', '.join(self.root)}")
        return self


class CronJob(Strict):
    """A scheduled command."""

    run: str
    """Its command line, run in the live release's environment."""
    every: Duration | None = None
    """How often, from the last time it began."""
    at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None = None
    """Or once a day at this time, UTC."""
    timeout: Duration = timedelta(hours=1)
    """It is stopped after this time, which is a failure."""
    environment: str = "production"
    """Where it runs."""

    _check = field_validator("run")(_argv)

    @model_validator(mode="after")
    def _one(self) -> "CronJob":
        if (self.every is None) == (self.at is None):
            raise ValueError('either every = "1h" or at = "03:00"')
        return self


class CronSection(RootModel[dict[str, CronJob]]):
    """Scheduled commands by name."""

    root: dict[str, CronJob] = {}

"""pgBackRest: its configuration and command lines as data."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

STANZA = "main"


@dataclass(frozen=True)
class Repository:
    """Where backups lie and how they are encrypted."""

    folder: str
    passphrase: str = field(repr=False)
    keep: int = 4
    name: str = "main"
    s3: dict[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Cluster:
    """The server that is backed up."""

    data: Path
    port: int
    socket: str
    user: str
    database: str = "postgres"


def configuration(repository: Repository, cluster: Cluster, work: Path) -> str:
    """pgbackrest.conf: mode 0600, since it holds the passphrase."""
    where = (
        [
            "repo1-type=s3",
            f"repo1-path=/golive/{repository.name}",
            *(f"repo1-{key}={value}" for key, value in repository.s3.items() if value),
        ]
        if repository.s3
        else [f"repo1-path={repository.folder}"]
    )
    lines = [
        "# written by golive; changes are lost. golive.toml: [database.backup]",
        "[global]",
        *where,
        "repo1-cipher-type=aes-256-cbc",
        f"repo1-cipher-pass={repository.passphrase}",
        f"repo1-retention-full={repository.keep}",
        "repo1-bundle=y",
        "compress-type=zst",
        "start-fast=y",
        "process-max=2",
        f"log-path={work}/log",
        f"lock-path={work}/lock",
        f"spool-path={work}/spool",
        "log-level-console=warn",
        "log-level-file=detail",
        "",
        f"[{STANZA}]",
        f"pg1-path={cluster.data}",
        f"pg1-port={cluster.port}",
        f"pg1-socket-path={cluster.socket}",
        f"pg1-user={cluster.user}",
        f"pg1-database={cluster.database}",
    ]
    if any("\n" in line for line in lines):
        raise ValueError("a value for pgBackRest holds a line break")
    return "\n".join(lines) + "\n"


def command(program: str, config: Path, *words: str) -> list[str]:
    return [program, f"--config={config}", f"--stanza={STANZA}", *words]


def archive_command(program: str, config: Path) -> str:
    """What the server runs for each full segment. `config` is golive's own path: no quotes are needed."""
    return f"{program} --config={config} --stanza={STANZA} archive-push %p"


def backup(kind: str) -> Sequence[str]:
    return (f"--type={kind}", "backup")


def restore(data: Path, target: datetime | None, label: str = "") -> Sequence[str]:
    """Into an empty folder of its own, to an instant or to the end of the archive, never archiving from there."""
    words = [f"--pg1-path={data}", "--archive-mode=off", *([f"--set={label}"] if label else [])]
    if target is not None:
        words += ["--type=time", f"--target={target:%Y-%m-%d %H:%M:%S.%f%z}", "--target-action=promote"]
    return (*words, "restore")

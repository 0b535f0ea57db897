"""Planted faults: how each is put into the world and which item must convict it."""

import sqlite3
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from bench.check.world import DATABASE_PASSWORD, World
from bench.check.zone import GOOD

Undo = Callable[[], None]


@dataclass(frozen=True)
class Fault:
    """A switch. `plant` puts the fault in force and returns what takes it back; `beside` are items run with it."""

    name: str
    item: str
    plant: Callable[[World], Undo]
    beside: Sequence[str] = field(default=())


FAST = ("authentication", "transport", "cors", "legal")  # asked of the product itself, so each new release is judged


def defect(name: str) -> Callable[[World], Undo]:
    """acme started with one of its own mistakes."""

    def plant(world: World) -> Undo:
        world.start(ACME_FAULTS="1", ACME_FAULTS_TOKEN="bench", ACME_DEFECTS=name)  # noqa: S106
        return lambda: None  # the next start is without it

    return plant


def front(**options: object) -> Callable[[World], Undo]:
    """The front served in a wrong way."""

    def plant(world: World) -> Undo:
        world.front.start(**options)  # type: ignore[arg-type]
        return lambda: _again(world)

    return plant


def _again(world: World) -> None:
    world.front.start()


def configured(old: str, new: str, file: str = "golive.toml") -> Callable[[World], Undo]:
    """golive.toml says something else."""

    def plant(world: World) -> Undo:
        path = world.source / file
        before = path.read_text()
        if old not in before:
            raise ValueError(f"{file} has no {old!r}")
        path.write_text(before.replace(old, new))
        tomllib.loads(path.read_text())
        world.apply()

        def undo() -> None:
            path.write_text(before)
            world.apply()

        return undo

    return plant


def role(statement: str, back: str) -> Callable[[World], Undo]:
    """The database's role is changed."""

    def run(world: World, text: str) -> None:
        with psycopg.connect(world.postgres.url(), autocommit=True) as connection:
            connection.execute(sql.SQL(text))  # type: ignore[arg-type]

    def plant(world: World) -> Undo:
        run(world, statement)
        return lambda: run(world, back)

    return plant


def default_password(world: World) -> Undo:
    """The product's role has the password that every tutorial has."""
    undo = role("ALTER ROLE acme PASSWORD 'postgres'", f"ALTER ROLE acme PASSWORD '{DATABASE_PASSWORD}'")(world)
    before = world.environment["ACME_DATABASE_URL"]
    world.environment["ACME_DATABASE_URL"] = before.replace(urlsplit(before).password or "", "postgres")

    def back() -> None:
        undo()
        world.environment["ACME_DATABASE_URL"] = before

    return back


def committed(files: Mapping[str, str], *, then_removed: bool = False) -> Callable[[World], Undo]:
    """Something is committed that should not be; `then_removed` leaves it in history alone."""

    def plant(world: World) -> Undo:
        for name, text in files.items():
            (world.source / name).write_text(text)
        world.commit("planted")
        count = 1
        if then_removed:
            for name in files:
                (world.source / name).unlink()
            world.commit("removed")
            count = 2

        def undo() -> None:
            world.git("reset", "-q", "--hard", f"HEAD~{count}")
            world.git("reflog", "expire", "--expire=now", "--all")
            world.git("gc", "-q", "--prune=now")

        return undo

    return plant


def advised(rating: Mapping[str, object]) -> Callable[[World], Undo]:
    """One of acme's dependencies has an advisory."""

    def plant(world: World) -> Undo:
        pins = (world.source / "requirements.txt").read_text()
        version = pins.partition("\njinja2==")[2].partition(" ")[0]
        world.advisories[f"PyPI jinja2 {version}"] = {"id": "GOLIVE-2026-1", "summary": "planted", **rating}
        return world.advisories.clear

    return plant


def zone(name: str, texts: Sequence[str]) -> Callable[[World], Undo]:
    """The sending domain is set up in a wrong way."""

    def plant(world: World) -> Undo:
        world.zone.zone = {**GOOD, name: texts}

        def undo() -> None:
            world.zone.zone = dict(GOOD)

        return undo

    return plant


def unpinned(world: World) -> Undo:
    """The lock file locks nothing."""
    path = world.source / "requirements.txt"
    before = path.read_text()
    path.write_text("fastapi>=0.100\n")
    return lambda: _write(path, before)


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def blind(world: World) -> Undo:
    """The status page names parts for which nothing speaks."""
    path = world.source / "golive.toml"
    before = path.read_text()
    head, _, _ = before.partition("components = [")
    path.write_text(head + 'components = [{ name = "Everything" }]\n')
    world.apply()
    time.sleep(3)  # the page is written anew within a second or two

    def undo() -> None:
        path.write_text(before)
        world.apply()

    return undo


def backup_files(damage: Callable[[Path], None], chosen: Callable[[Path], bool]) -> Callable[[World], Undo]:
    """Files of the backup repository are damaged, and the backup restored: as a disk that fails does it."""

    def plant(world: World) -> Undo:
        files = [one for one in world.archive.rglob("*") if one.is_file() and chosen(one)]
        if not files:
            raise LookupError(f"no such file below {world.archive.name}")
        kept = {one: one.read_bytes() for one in files}
        for file in files:
            damage(file)
        world.golive("db", "drill", "--project", "acme")

        def undo() -> None:
            for file, content in kept.items():
                file.write_bytes(content)

        return undo

    return plant


def data(file: Path) -> bool:
    """A part of a backup, not what is written about it."""
    return "backup" in file.parts and not file.name.startswith("backup.") and "backup.history" not in file.parts


def log_segment(file: Path) -> bool:
    return "archive" in file.parts and file.name.startswith("0000")


def garble(file: Path) -> None:
    """Some bytes in the middle are others."""
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        opened.write(b"\x00garbled\x00" * 8)


def smoke_fails(world: World) -> Undo:
    """What the product needs is not in the restored database."""
    before = world.backed_up
    world.backed_up = before.replace("count(*) = 1 FROM alembic_version", "count(*) = 77 FROM alembic_version")
    world.apply()
    world.golive("db", "drill", "--project", "acme")

    def undo() -> None:
        world.backed_up = before
        world.apply()

    return undo


def never_restored(world: World) -> Undo:
    """Backups are made, and none was ever restored: golive's record of drills is empty."""
    with sqlite3.connect(world.install.data / "golive.db", timeout=30) as record:
        record.execute("CREATE TABLE kept_drills AS SELECT * FROM postgres_drill")
        record.execute("DELETE FROM postgres_drill")

    def undo() -> None:
        with sqlite3.connect(world.install.data / "golive.db", timeout=30) as record:
            record.execute("INSERT INTO postgres_drill SELECT * FROM kept_drills")
            record.execute("DROP TABLE kept_drills")

    return undo


KEY = "AKIA" + "M3XV7QKZ2NTWR5LB"
TOKEN = "ghp_" + "k3Jq8Zt1Xw5Rb7Ny2Vc9Lm4Pd6Hf0Gs1Ta8Q"
CRITICAL = {"database_specific": {"severity": "CRITICAL"}}
NETWORK = {"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"}]}

LEGAL, STATUS = ("legal", "cors"), ("status_page",)
MOVED = '[readiness.status_page]\nurl = "env:ACME_PREVIEW_URL"\n\n[readiness.cors]'
ADA, EVE, NOBODY = 'people = ["ada@acme.example"]', 'people = ["eve@acme.example"]', "people = []"
LATE = '[readiness.backups]\ninterval = "1s"\n\n[readiness.cors]'
SLOW = '[readiness.backups]\nrecovery_time = "10ms"\n\n[readiness.cors]'
ROUTE = 'webhook_failures = { route = "/webhooks/payments" }'
DEFECTS: Sequence[tuple[str, Sequence[str], Sequence[str]]] = (
    ("authentication", ("open_route", "cross_tenant", "revoked_keys_work"), FAST),
    ("limits", ("no_login_limit", "believes_real_ip", "no_retry_after"), FAST),
    ("transport", ("no_hsts", "insecure_cookies", "inline_scripts", "no_nosniff"), FAST),
    ("secrets", ("served_secret",), FAST),
    ("cors", ("cors_reflects", "cors_star", "cors_suffix", "cors_none"), FAST),
    ("webhooks", ("unsigned_webhooks", "stale_webhooks", "double_webhooks", "lost_webhooks"), FAST),
    ("legal", ("terms_placeholder", "terms_undated", "signup_unlinked"), FAST),
    ("support", ("support_lost", "support_unlinked"), FAST),
    ("auth_flows", ("any_password", "links_work_again", "codes_work_again", "sessions_survive"), FAST),
    ("billing_flows", ("no_upgrade", "no_cancel", "failure_unpunished"), LEGAL),
    ("onboarding", ("step_untold", "step_told_twice"), LEGAL),
    ("email", ("unsubscribe_ignored",), LEGAL),
)
FAULTS: Sequence[Fault] = (
    *(Fault(name, item, defect(name), beside) for item, names, beside in DEFECTS for name in names),
    Fault("no_redirect", "transport", front(redirect=False), LEGAL),
    Fault("certificate_ends", "transport", front(days=5), LEGAL),
    Fault("superuser", "database", role("ALTER ROLE acme SUPERUSER", "ALTER ROLE acme NOSUPERUSER")),
    Fault("default_password", "database", default_password),
    Fault("key_in_tree", "secrets", committed({"acme/storage.py": f'ACCESS = "{KEY}"\n'}), ("dependencies",)),
    Fault("key_in_history", "secrets", committed({"deploy.env": f"TOKEN={TOKEN}\n"}, then_removed=True)),
    Fault("critical_advisory", "dependencies", advised(CRITICAL), ("secrets",)),
    Fault("critical_by_vector", "dependencies", advised(NETWORK), ("secrets",)),
    Fault("unrated_advisory", "dependencies", advised({}), ("secrets",)),
    Fault("unpinned", "dependencies", unpinned, ("secrets",)),
    Fault("dmarc_none", "email", zone("_dmarc.acme.example.", ["v=DMARC1; p=none"])),
    Fault("no_dkim", "email", zone("s1._domainkey.acme.example.", [])),
    Fault("pool_rule_off", "monitoring", configured("[alerts]", "[alerts]\npool = false"), ("oncall", "status_page")),
    Fault("signups_rule_off", "monitoring", configured('signups = { window = "24h" }', "signups = false"), STATUS),
    Fault("webhook_rule_blind", "monitoring", configured(ROUTE, "webhook_failures = {}"), STATUS),
    Fault("status_elsewhere", "status_page", configured("[readiness.cors]", MOVED, "readiness.toml"), ("oncall",)),
    Fault("status_blind", "status_page", blind, ("oncall",)),
    Fault("nobody_on_call", "oncall", configured(ADA, NOBODY), STATUS),
    Fault("unreachable_on_call", "oncall", configured(ADA, EVE), STATUS),
    Fault("backup_late", "backups", configured("[readiness.cors]", LATE, "readiness.toml"), LEGAL),
    Fault("restore_slow", "backups", configured("[readiness.cors]", SLOW, "readiness.toml"), LEGAL),
    Fault("never_restored", "backups", never_restored, ("database",)),
    Fault("smoke_fails", "backups", smoke_fails, ("database",)),
    Fault("backup_damaged", "backups", backup_files(garble, data), ("database",)),
    Fault("wal_missing", "backups", backup_files(Path.unlink, log_segment), ("database",)),
    Fault("logged_secret", "secrets", defect("logged_secret"), FAST),  # last: the log keeps it for a day
)

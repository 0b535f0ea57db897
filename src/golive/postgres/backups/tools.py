"""Running pgBackRest and PostgreSQL's programs as the account that owns the data."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from golive.postgres.trouble import DatabaseTrouble

KEPT = ("PATH", "LANG", "LC_ALL", "TZ")


class BackupTrouble(DatabaseTrouble):
    """A backup, drill or restore did not work; the message says what failed."""

    exit_code = 1


class ProgramFailed(BackupTrouble):
    """A program ended badly; `output` is all that it printed."""

    def __init__(self, what: str, output: str, code: int) -> None:
        how = f"exit code {code}" if code >= 0 else f"it was killed by {signal.Signals(-code).name}"
        self.output = output if code >= 0 else how
        super().__init__(f"{what} failed: {' '.join(self.output.split())[-400:] or how}")


def program(name: str) -> str:
    """Where a program is. Raises BackupTrouble."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        raise BackupTrouble(
            f'{name} is not installed here; Debian has it. Or write [database.backup] with = "pg_dump".'
        )
    return found


def owner_of(data: Path) -> pwd.struct_passwd | None:
    """Whom to run as, when golive is root: the owner of the data, else PostgreSQL's usual account."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(OSError, KeyError):
        account = pwd.getpwuid(data.stat().st_uid)
        if account.pw_uid != 0:
            return account
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    raise BackupTrouble("golive runs as root, and PostgreSQL's programs refuse to: there is no user postgres.")


def run(
    command: Sequence[str],
    account: pwd.struct_passwd | None,
    what: str,
    *,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
    allow: Sequence[int] = (0,),
    to_file: Path | None = None,
) -> str:
    """Run and return what it printed. Raises BackupTrouble with its last words."""
    with contextlib.ExitStack() as stack:
        # pg_ctl's server would hold a pipe open for ever, so its output goes to a file
        output = stack.enter_context(to_file.open("wb")) if to_file else subprocess.PIPE
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if to_file else subprocess.PIPE,
                cwd="/",
                # golive's own environment may hold secrets, and the account reads the environment of its processes
                env={**{name: os.environ[name] for name in KEPT if name in os.environ}, **(environment or {})},
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BackupTrouble(f"{what} did not end within {timeout:.0f} s") from error
    said = (done.stdout or b"").decode(errors="replace")
    complaint = (done.stderr or b"").decode(errors="replace")
    if done.returncode not in allow:
        words = to_file.read_text(errors="replace") if to_file else f"{complaint} {said}"
        raise ProgramFailed(what, words, done.returncode)
    return said


@contextlib.contextmanager
def in_order() -> Iterator[None]:
    """Let SIGTERM end the work as Ctrl-C does: what it started is stopped, what it made is cleared away."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def own(path: Path, account: pwd.struct_passwd | None, mode: int = 0o700) -> Path:
    """Make a folder that belongs to the account."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    path.chmod(mode)
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)
    return path

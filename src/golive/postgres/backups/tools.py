"""Running pgBackRest and PostgreSQL's programs as the account that owns the data."""

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from golive.postgres.trouble import DatabaseTrouble


class BackupTrouble(DatabaseTrouble):
    """A backup, drill or restore did not work; the message says what failed."""

    exit_code = 1


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
                env={**os.environ, **(environment or {})},
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
        raise BackupTrouble(f"{what} failed: {' '.join(words.split())[-400:] or f'exit code {done.returncode}'}")
    return said


def own(path: Path, account: pwd.struct_passwd | None, mode: int = 0o700) -> Path:
    """Make a folder that belongs to the account."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    path.chmod(mode)
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)
    return path

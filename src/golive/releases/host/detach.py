"""Becomes a process that belongs to nobody: detach.py LOG COMMAND... returns at once, COMMAND lives on in a session.

Run as a script in a fresh interpreter, so that no thread of ours is forked.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import run


def detached(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
    """Start `command` so that it outlives us and our whole process tree."""
    run([sys.executable, "-I", "-S", __file__, str(log), *command], env=dict(environment), check=True, timeout=30)


def main() -> None:
    log, command = sys.argv[1], sys.argv[2:]
    if os.fork():
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.chdir("/")
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()

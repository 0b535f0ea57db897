"""Becomes a process that ends when its parent does, even by kill -9. Run as a script: launch.py PARENT COMMAND...

The kernel is asked to send SIGTERM on the parent's death; the request survives exec. (Doing it between fork and exec
inside a parent with threads can deadlock.) Elsewhere than on Linux the command is run as it is.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def bound_to_me(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` (its program an absolute path) for as long as this process lives.

    It must be started from the main thread: the kernel watches the thread that forks.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()

"""Becomes a process with limits that ends when its parent does. Run as a script: confined.py PARENT CPU COMMAND...

It runs in the interpreter's isolated mode and imports nothing of golive.
"""

import ctypes
import os
import resource
import signal
import sys

MEBIBYTE = 1024 * 1024
LIMITS = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 512 * MEBIBYTE,
    resource.RLIMIT_NOFILE: 4096,
}
PR_SET_PDEATHSIG = 1
KINDER = 5


def main() -> None:
    parent, cpu_seconds, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    for kind, most in {**LIMITS, resource.RLIMIT_CPU: cpu_seconds}.items():
        _, hard = resource.getrlimit(kind)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))
    os.nice(KINDER)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()

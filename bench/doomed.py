"""Children that will be killed, started ahead and told when to begin.

golive's own start is no work for the database's machine, which it seldom shares.
"""

import signal
import subprocess
import sys
import time


class Doomed:
    """Python with these arguments; it kills itself, or is killed `after` seconds into its work."""

    def __init__(self, arguments: list[str], after: float | None = None) -> None:
        self._after = after
        self._child = subprocess.Popen([sys.executable, *arguments], stdin=subprocess.PIPE)

    def live(self) -> None:
        """Work, and be killed."""
        assert self._child.stdin
        with self._child.stdin as told:
            told.write(b"go")
        if self._after is not None:
            time.sleep(self._after)
            self._child.kill()
        assert self._child.wait() == -signal.SIGKILL, self._child.returncode


def wait_to_be_told() -> None:
    """In the child; ends it when its parent has ended without a word."""
    if sys.stdin.read() != "go":
        sys.exit()

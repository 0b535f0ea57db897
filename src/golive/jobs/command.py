"""The job kind that runs a command line, with its output kept and its progress read from lines like `progress: 0.4`."""

import re
import subprocess
from typing import Any

from golive.jobs.kinds import JobError, Kind, Work, register

PROGRESS = re.compile(r"^progress: ([01](?:\.\d+)?)(?: (.*))?$")


def run_command(work: Work) -> dict[str, Any]:
    """Run `payload["command"]` (a list) in `payload["folder"]`; fails when it exits other than 0."""
    command, folder = work.payload["command"], work.payload.get("folder")
    try:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except OSError as error:
        raise JobError(f"cannot run {command[0]}: {error.strerror}") from error
    assert process.stdout is not None  # noqa: S101
    for line in process.stdout:
        print(line, end="", flush=True)
        if found := PROGRESS.match(line.strip()):
            work.progress(float(found[1]), found[2] or "")
    if code := process.wait():
        raise JobError(f"{command[0]} exited with {code}")
    return {"exit_code": 0}


COMMAND = register(Kind("command", run_command))

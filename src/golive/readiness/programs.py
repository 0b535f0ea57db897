"""Running a user's own program for an examination: argument list, time limit, no shell, JSON on its output."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from golive.readiness.exchange import hide
from golive.readiness.verdict import CannotTell

LONGEST = timedelta(seconds=60)
Shape = TypeVar("Shape", bound=BaseModel)


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str], patience: timedelta = LONGEST) -> str:
    """What the program printed. Raises CannotTell when it is missing, fails or takes too long."""
    shown = " ".join(command)
    try:
        done = subprocess.run(
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=patience.total_seconds(),
            check=False,
        )
    except FileNotFoundError as error:
        raise CannotTell(shown, f"the program {command[0]} is not there", f"try it: cd {folder} && {shown}") from error
    except subprocess.TimeoutExpired as error:
        raise CannotTell(shown, f"the program took longer than {patience}", f"try it: {shown}") from error
    if done.returncode:
        last = hide(done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2])[:200]
        raise CannotTell(shown, f"the program ended with {done.returncode}: {last}", f"try it: {shown}")
    return done.stdout.decode("utf-8", "replace")


def run_json(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Any:
    """`run`, read as JSON."""
    text = run(command, folder, environment)
    try:
        return json.loads(text)
    except ValueError as error:
        shown = " ".join(command)
        raise CannotTell(shown, "the program printed something that is not JSON", f"try it: {shown}") from error


def printed(shape: type[Shape], given: object, what: str, todo: str) -> Shape:
    """What a program printed, as what it should be. Raises CannotTell with what is wrong, never with what it holds."""
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        where = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
        raise CannotTell(what, f"the program for {what} printed something else: {where}", todo) from error

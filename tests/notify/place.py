"""A golive of its own for tests that kill processes: data folder, database, scripts run inside it."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

SETUP = "import django, json, os, sys, threading\ndjango.setup()\n"


MIGRATE = "from django.core.management import call_command\ncall_command('migrate', verbosity=0)"


@cache
def _migrated() -> Path:
    """A database with every table and no row, made once in a test process: migrating takes many seconds."""
    folder = Path(tempfile.mkdtemp(prefix="golive-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environment = {**os.environ, "GOLIVE_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "golive.settings"}
    environment.pop("DATABASE_URL", None)
    subprocess.run([sys.executable, "-c", SETUP + MIGRATE], env=environment, check=True)
    return folder / "golive.db"


class Place:
    """`database_url` empty means SQLite in the folder."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.folder = folder
        self._environment = {
            **os.environ,
            "GOLIVE_DATA": str(folder),
            "DJANGO_SETTINGS_MODULE": "golive.settings",
            "GOLIVE_LOG_LEVEL": "ERROR",
            **({"DATABASE_URL": database_url} if database_url else {}),
        }
        if not database_url:
            self._environment.pop("DATABASE_URL", None)
        if database_url:
            self.run(MIGRATE)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_migrated(), folder / "golive.db")

    def start(self, script: str) -> subprocess.Popen[str]:
        """A process inside; `script` may use django."""
        command = [sys.executable, "-c", SETUP + script]
        return subprocess.Popen(command, env=self._environment, text=True, stdout=subprocess.PIPE)

    def run(self, script: str) -> Any:
        """Run a script to its end; what its last line printed, read as JSON."""
        process = self.start(script)
        out, _ = process.communicate()
        assert process.returncode == 0, out
        lines = out.strip().splitlines()
        return json.loads(lines[-1]) if lines else None

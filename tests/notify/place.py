"""A golive of its own for tests that kill processes: data folder, database, scripts run inside it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SETUP = "import django, json, os, sys, threading\ndjango.setup()\n"


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
        self.run("from django.core.management import call_command\ncall_command('migrate', verbosity=0)")

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

"""What every process loads: the parsers and engines of single jobs are not among it."""

import subprocess
import sys

LOOK = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "golive.settings"
import django
django.setup()
from golive.rooms import modules
for name in ("tasks", "pages", "api"):
    list(modules(name))
print(*[name for name in ("sqlglot", "ortools", "pyarrow", "chdb") if name in sys.modules])
"""


def test_tasks_pages_and_api_load_no_parser_or_engine() -> None:
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""

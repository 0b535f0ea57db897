"""Everything that must hold before a commit: two checks at a time, output only of what failed.

`check.py NAME...` runs only the named ones; `--fix` lets ruff mend what it can first.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PLACES = ["src", "clients", "tests", "scripts", "examples", "bench"]


def commands() -> Mapping[str, Sequence[str]]:
    """The checks by name, the slowest first."""
    places = [place for place in PLACES if (ROOT / place).exists()]
    python, django = sys.executable, [sys.executable, "-m", "django"]
    return {
        "types": [f"{BIN}/mypy"],
        "layers": [f"{BIN}/lint-imports", "--no-cache"],
        "lint": [f"{BIN}/ruff", "check", "--no-fix", *places, "scripts/setup"],
        "format": [f"{BIN}/ruff", "format", "--check", *places, "scripts/setup"],
        "django": [*django, "check", "--fail-level", "WARNING"],
        "migrations": [*django, "makemigrations", "--check", "--dry-run"],
        "licences": [python, "scripts/licences.py"],
        "lock files": [python, "scripts/lockfiles.py"],
    }


def run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str, float]:
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout, time.monotonic() - began


def mend() -> None:
    places = [place for place in PLACES if (ROOT / place).exists()]
    for verb in (["check", "--fix", "-q"], ["format", "-q"]):
        subprocess.run([f"{BIN}/ruff", *verb, *places, "scripts/setup"], cwd=ROOT, check=False)


def main() -> int:
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")]
    if "--fix" in sys.argv:
        mend()
    chosen = {name: command for name, command in commands().items() if not wanted or name in wanted}
    if not chosen:
        print(f"no such check; there are: {', '.join(commands())}", file=sys.stderr)
        return 3
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="golive-check-") as data, ThreadPoolExecutor(2) as pool:
        environment = {
            **os.environ,
            "GOLIVE_DATA": data,
            "PYTHONPATH": str(ROOT / "src"),
            "DJANGO_SETTINGS_MODULE": "golive.settings",
        }
        running = {pool.submit(run, command, environment): name for name, command in chosen.items()}
        for future in as_completed(running):
            code, output, seconds = future.result()
            print(f"{'ok  ' if code == 0 else 'FAIL'} {running[future]:<12} {seconds:6.1f} s", flush=True)
            if code:
                failed.append(running[future])
                print(output, flush=True)
    if failed:
        print(f"check: {', '.join(failed)} failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

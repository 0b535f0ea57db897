"""`python -m bench.pipeline`: acme by `git push` to a running golive; each stage's time beside its budget.

cold: nothing is known; warm: one line of acme's code changed; unchanged: an empty commit. `--fresh` once more takes no
result, for golive's own share of each stage. Prints Markdown.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from examples.demo.install import Install

ACME = Path(__file__).resolve().parents[2] / "examples" / "acme"
LEFT_OUT = shutil.ignore_patterns(".venv", "__pycache__", ".*_cache")


def git(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    names = ["-c", "user.name=Ada", "-c", "user.email=ada@acme.example"]
    return subprocess.run(
        ["git", "-C", str(repository), *names, *words], capture_output=True, text=True, check=True, timeout=1800
    )


def push(install: Install, repository: Path, what: str) -> dict[str, Any]:
    """Push main; the run that came of it, with the time that the pusher waited."""
    began = time.monotonic()
    git(repository, "push", "golive", "main")
    waited = time.monotonic() - began
    (newest,) = json.loads(install.run("ship", "status", "--limit", "1", "--project", "acme", "--json"))
    shown = install.attempt("ship", "status", str(newest["number"]), "--project", "acme", "--json").stdout
    found: dict[str, Any] = json.loads(shown)
    print(f"{what}: run #{found['number']} {found['state']} in {found['seconds']:.1f} s ({found['reason']}); "
          f"the push took {waited:.1f} s", flush=True)  # fmt: skip
    return found | {"waited": waited}


def table(runs: dict[str, dict[str, Any]]) -> str:
    """Steps by run, with budgets and golive's own share."""
    lines = ["| step | " + " | ".join(runs) + " | golive's own | budget |", "|---|" + "--:|" * (len(runs) + 2)]
    names = [step["name"] for step in next(iter(runs.values()))["steps"]]
    for name in names:
        steps = [next(one for one in run["steps"] if one["name"] == name) for run in runs.values()]
        cells = ["from cache" if one["state"] == "cached" else f"{one['seconds']:.1f} s" if one["run_seconds"]
                 else one["state"] for one in steps]  # fmt: skip
        own = max(one["overhead_seconds"] for one in steps)
        lines.append(f"| {name} | {' | '.join(cells)} | {own:.2f} s | {steps[0]['budget_seconds']:.0f} s |")
    whole = [f"**{run['seconds']:.1f} s**" for run in runs.values()]
    lines.append(f"| **whole run** | {' | '.join(whole)} | | 480 s |")
    lines.append("| the push | " + " | ".join(f"{run['waited']:.1f} s" for run in runs.values()) + " | | |")
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--keep", action="store_true", help="leave the folder")
    given = options.parse_args()
    base = Path(tempfile.mkdtemp(prefix="golive-bench-", dir="/var/tmp"))
    base.chmod(0o711)
    repository = base / "acme"
    shutil.copytree(ACME, repository, ignore=LEFT_OUT)
    git(repository, "init", "-q", "-b", "main")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "acme as it is")
    environment = {"GOLIVE_WORK": str(base / "work"), "ACME_URL": "http://127.0.0.1:1"}
    install = Install(base / "data", environment=environment)
    runs: dict[str, dict[str, Any]] = {}
    try:
        install.start(600)
        install.run("project", "add", "acme")
        install.run("ship", "remote", "--project", "acme")
        git(repository, "remote", "add", "golive", str(install.data / "pipelines" / "git" / "acme.git"))
        runs["cold"] = push(install, repository, "cold")
        code = repository / "acme" / "plans.py"
        code.write_text(code.read_text() + "\n\nPUSHED = True\n")
        git(repository, "commit", "-qam", "Change one line")
        runs["warm"] = push(install, repository, "warm")
        git(repository, "commit", "-q", "--allow-empty", "-m", "Change nothing")
        runs["unchanged"] = push(install, repository, "unchanged")
    finally:
        install.stop()
        if not given.keep:
            shutil.rmtree(base, ignore_errors=True)
    print(
        f"\n2 cores, load average {os.getloadavg()[2]:.1f} over the quarter of an hour before the end\n\n{table(runs)}"
    )


if __name__ == "__main__":
    main()

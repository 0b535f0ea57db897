"""`python -m bench.pipeline`: acme by `git push` to a running golive, through all eight stages, onto this host.

cold: nothing is known and nothing deployed; warm: one line of acme's code changed; unchanged: an empty commit; pull
request: `pr/figures` gets a preview and its end-to-end result; merged: the same files on main, promoted. Each stage's
time stands beside its budget. load (only when asked for): `golive load` against a preview, then against a release whose
front page computes for longer. Real PostgreSQL, Chromium, Caddy, mail sink and payment simulator. Prints Markdown.
"""

import argparse
import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from bench.pipeline.keeping import end_deployed
from examples.demo.install import Install, free_ports
from golive.sandbox.mail import MailSink
from golive.sandbox.servers import PostgresServer

ACME = Path(__file__).resolve().parents[2] / "examples" / "acme"
LEFT_OUT = shutil.ignore_patterns(".venv", "__pycache__", ".*_cache")
STAGES = ("setup", "lint", "unit", "integration", "build", "preview", "e2e", "production", "checks")


def git(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    names = ["-c", "user.name=Ada", "-c", "user.email=ada@acme.example"]
    return subprocess.run(
        ["git", "-C", str(repository), *names, *words], capture_output=True, text=True, check=True, timeout=1800
    )


def push(install: Install, repository: Path, what: str, ref: str = "main") -> dict[str, Any]:
    """Push; the run that came of it, with the time that the pusher waited."""
    began = time.monotonic()
    said = git(repository, "push", "golive", ref).stderr
    waited = time.monotonic() - began
    (newest,) = json.loads(install.run("ship", "status", "--limit", "1", "--project", "acme", "--json"))
    shown = install.attempt("ship", "status", str(newest["number"]), "--project", "acme", "--json").stdout
    found: dict[str, Any] = json.loads(shown)
    print(f"{what}: run #{found['number']} {found['state']} in {found['seconds']:.1f} s ({found['reason']}); "
          f"the push took {waited:.1f} s", flush=True)  # fmt: skip
    if found["state"] != "passed":
        print(said[-6000:], flush=True)
    return found | {"waited": waited, "said": said}


def table(runs: dict[str, dict[str, Any]]) -> str:
    """Steps by run, with budgets and golive's own share."""
    lines = ["| step | " + " | ".join(runs) + " | golive's own | budget |", "|---|" + "--:|" * (len(runs) + 2)]
    names = {step["name"]: step for run in runs.values() for step in run["steps"]}
    for name in sorted(names, key=lambda one: STAGES.index(one.split(".")[0])):
        steps = [next((one for one in run["steps"] if one["name"] == name), None) for run in runs.values()]
        cells = [_cell(one) for one in steps]
        own = max(one["overhead_seconds"] for one in steps if one)
        lines.append(f"| {name} | {' | '.join(cells)} | {own:.2f} s | {names[name]['budget_seconds']:.0f} s |")
    whole = [f"**{run['seconds']:.1f} s**" for run in runs.values()]
    lines.append(f"| **whole run** | {' | '.join(whole)} | | 480 s |")
    lines.append("| the push | " + " | ".join(f"{run['waited']:.1f} s" for run in runs.values()) + " | | |")
    return "\n".join(lines)


def _cell(step: dict[str, Any] | None) -> str:
    if step is None:
        return ""
    if step["state"] == "cached":
        return "from cache"
    return f"{step['seconds']:.1f} s" if step["run_seconds"] else str(step["state"])


def set_up(install: Install, base: Path, repository: Path, postgres: PostgresServer, mail: MailSink, url: str) -> None:
    """What somebody does once: a project, how it is deployed, its variables, its remote."""
    install.start(600)
    install.run("project", "add", "acme")
    said = (repository / "golive.toml").read_text()
    deploy = said[said.index("[deploy]") :].replace("[deploy]", '[deploy]\nhttps = "off"', 1)
    file = (
        base / "here.toml"
    )  # what acme's golive.toml says of deploys; plain HTTP, for nobody trusts Caddy's authority
    file.write_text(f'[app]\nname = "acme"\n\n{deploy}')
    install.run("apply", str(file), "--project", "acme", "--yes")
    variables = {
        "ACME_DATABASE_URL": postgres.create_database("acme"), "ACME_SECRET": secrets.token_hex(32), "ACME_URL": url,
        "ACME_SMTP": mail.smtp_url,
    }  # fmt: skip
    install.run("env", "set", *(f"{name}={value}" for name, value in variables.items()), "--project", "acme")
    install.run("ship", "remote", "--project", "acme")
    git(repository, "remote", "add", "golive", str(install.data / "pipelines" / "git" / "acme.git"))


def change(repository: Path, line: str) -> None:
    code = repository / "acme" / "plans.py"
    code.write_text(f"{code.read_text()}\n\n{line}\n")
    git(repository, "commit", "-qam", "Change one line")


def story(install: Install, repository: Path, chosen: set[str]) -> dict[str, dict[str, Any]]:
    runs = {"cold": push(install, repository, "cold")}
    if "warm" in chosen:
        change(repository, "PUSHED = True")
        runs["warm"] = push(install, repository, "warm")
    if "unchanged" in chosen:
        git(repository, "commit", "-q", "--allow-empty", "-m", "Change nothing")
        runs["unchanged"] = push(install, repository, "unchanged")
    if "pull" in chosen:
        git(repository, "switch", "-qc", "figures")
        change(repository, "FIGURES = True")
        runs["pull request"] = push(install, repository, "pull request", "HEAD:pr/figures")
        git(repository, "switch", "-q", "main")
        git(repository, "merge", "-q", "--ff-only", "figures")
        runs["merged"] = push(install, repository, "merged")
    if "load" in chosen:
        git(repository, "switch", "-qc", "crowd")
        change(repository, "CROWD = True")
        runs["preview"] = push(install, repository, "preview", "HEAD:pr/crowd")
        bear(install, repository)
        front = repository / "acme" / "web" / "public.py"
        line = '    return page(request, "front.html"'
        front.write_text(front.read_text().replace(line, f"    sum(range(2_000_000))\n{line}"))
        git(repository, "commit", "-qam", "Let the front page compute for some time")
        push(install, repository, "slower preview", "HEAD:pr/crowd")
        bear(install, repository)
    return runs


def bear(install: Install, repository: Path) -> None:
    """How many users the preview bears, as golive says it."""
    said = install.attempt(
        "load", "--preview", "pr-crowd", "--folder", str(repository), "--project", "acme", timeout_seconds=900
    )
    print(f"load, exit code {said.returncode}: {(said.stdout + said.stderr).strip()[-1500:]}", flush=True)


def told(run: dict[str, Any]) -> list[str]:
    """What the pusher was told of addresses and results."""
    lines = [line.removeprefix("remote: ").rstrip() for line in run["said"].splitlines()]
    return [line for line in lines if re.search(r"preview|passed|http://", line)][-12:]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--keep", action="store_true", help="leave the folder")
    options.add_argument("--only", nargs="*", default=["warm", "unchanged", "pull"], help="beside cold")
    given = options.parse_args()
    base = Path(tempfile.mkdtemp(prefix="golive-bench-", dir="/var/tmp"))
    base.chmod(0o711)
    repository = base / "acme"
    shutil.copytree(ACME, repository, ignore=LEFT_OUT)
    git(repository, "init", "-q", "-b", "main")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "acme as it is")
    plain, secure = free_ports(2)
    domain = tomllib.loads((repository / "golive.toml").read_text())["deploy"]["domains"][0]
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer(base / "postgres"))
        mail = stack.enter_context(MailSink(base / "mail"))
        postgres.create_database("acme_scrubbed")
        environment = {
            "GOLIVE_WORK": str(base / "work"), "GOLIVE_HTTP_PORT": str(plain), "GOLIVE_HTTPS_PORT": str(secure),
            "GOLIVE_FRONT_LISTEN": "127.0.0.1", "ACME_PREVIEW_SERVER": postgres.url(),
        }  # fmt: skip
        install = Install(base / "data", environment=environment)
        try:
            set_up(install, base, repository, postgres, mail, f"http://{domain}:{plain}")
            runs = story(install, repository, set(given.only))
            front = httpx.get(f"http://127.0.0.1:{plain}/healthz", headers={"Host": domain}, trust_env=False)
            print(f"\nproduction answers {front.status_code} at http://{domain}:{plain}")
            for line in told(runs.get("pull request") or runs["cold"]):
                print(f"  {line}")
        finally:
            install.stop()
            end_deployed(install.data)
            if not given.keep:
                shutil.rmtree(base, ignore_errors=True)
    load = os.getloadavg()[2]
    print(
        f"\n{os.cpu_count()} cores, load average {load:.1f} over the quarter of an hour before the end\n\n{table(runs)}"
    )


if __name__ == "__main__":
    main()

"""`python -m bench.projects`: real public projects, as their registries hand out the source, through the pipeline.

Each is downloaded by its ordinary client, given a golive.toml of at most ten lines, and shipped on a golive that has
never run before: cold, then once more unchanged. `--guess`: what `golive init` writes is shipped too. Prints Markdown.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
GOLIVE = [sys.executable, "-m", "golive.cli"]
MOST_LINES = 10


@dataclass(frozen=True)
class Source:
    """A published project, pinned, so that the figures are of the same thing."""

    name: str
    requirement: str
    kind: str
    node: bool = False


SOURCES = (
    Source("packaging", "packaging==26.4", "pure Python library"),
    Source("flask", "flask==3.1.3", "web framework, uv.lock"),
    Source("markupsafe", "markupsafe==3.0.4", "C extension, uv.lock"),
    Source("fastify-cors", "@fastify/cors@11.4.3", "Node, web plugin", node=True),
)


def fetched(source: Source, folder: Path) -> Path:
    """The project's source, unpacked; by pip or npm, from whatever index they are set up with."""
    folder.mkdir()
    if source.node:
        words = ["npm", "pack", "--silent", source.requirement]
    else:
        words = [sys.executable, "-m", "uv", "tool", "run", "--quiet", "pip", "download", "--quiet", "--no-deps"]
        words += ["--no-binary", ":all:", source.requirement]
    subprocess.run(words, cwd=folder, check=True, capture_output=True, timeout=600)
    (packed,) = folder.iterdir()
    with tarfile.open(packed) as content:
        content.extractall(folder, filter="data")
    packed.unlink()
    (found,) = folder.iterdir()
    return found


def shipped(place: Path, base: Path, name: str) -> Iterator[dict[str, Any]]:
    """The run on a new golive, then the one on the same files."""
    environment = {**os.environ, "GOLIVE_DATA": str(base / f"data-{name}"), "GOLIVE_WORK": str(base / f"work-{name}")}
    for _ in range(2):
        done = subprocess.run(
            [*GOLIVE, "ship", "--folder", str(place), "--json"],
            env=environment, capture_output=True, text=True, check=False, timeout=1800,
        )  # fmt: skip
        try:
            run: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            sys.exit(f"{name}: golive ship said {done.stdout[-500:]} {done.stderr[-2000:]}")
        for step in run["steps"]:
            if step["state"] in ("failed", "timed out", "unknown"):
                logs = [*GOLIVE, "ship", "logs", str(run["number"]), "--step", step["name"]]
                said = subprocess.run(logs, env=environment, capture_output=True, text=True, check=False).stdout
                print(f"{name}: {step['name']} {step['reason']}\n{said[-2500:]}", file=sys.stderr, flush=True)
        yield run


def row(title: str, cold: dict[str, Any], again: dict[str, Any]) -> str:
    """One line of the table: each stage's time (with its tests), the whole, and the unchanged run."""
    cells = []
    for stage in ("setup", "lint", "unit", "integration", "build"):
        steps = [one for one in cold["steps"] if one["stage"] == stage]
        ran = [one for one in steps if one["run_seconds"]]
        tests, passed = sum(one["tests_all"] for one in steps), sum(one["tests_passed"] for one in steps)
        if not ran:
            cells.append("")
            continue
        took = max(one["began"] + one["seconds"] for one in ran) - min(one["began"] for one in ran)
        bad = "".join(f" {one['name']} {one['state']}" for one in ran if one["state"] not in ("passed", "cached"))
        cells.append(f"{took:.1f} s" + (f", {passed} of {tests} tests" if tests else "") + bad)
    own = max(one["overhead_seconds"] for one in cold["steps"])
    return f"| {title} | {' | '.join(cells)} | {cold['state']} in {cold['seconds']:.1f} s | {own:.2f} s | {again['state']} in {again['seconds']:.1f} s |"  # noqa: E501


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", choices=[one.name for one in SOURCES])
    options.add_argument("--guess", action="store_true", help="ship what `golive init` writes as well")
    options.add_argument("--keep", action="store_true", help="leave the folder")
    given = options.parse_args()
    base = Path(tempfile.mkdtemp(prefix="golive-projects-", dir="/var/tmp"))
    base.chmod(0o711)
    rows = []
    failed = False
    try:
        for source in SOURCES:
            if given.only and source.name != given.only:
                continue
            place = fetched(source, base / source.name)
            text = (HERE / "toml" / f"{source.name}.toml").read_text()
            if len(text.splitlines()) > MOST_LINES:
                sys.exit(f"{source.name}.toml has more than {MOST_LINES} lines")
            (place / "golive.toml").write_text(text)
            cold, again = shipped(place, base, source.name)
            rows.append(row(f"{source.requirement} ({source.kind})", cold, again))
            failed = failed or {cold["state"], again["state"]} != {"passed"}
            if given.guess:
                (place / "golive.toml").unlink()
                subprocess.run([*GOLIVE, "init", str(place)], check=True, capture_output=True)
                cold, again = shipped(place, base, f"{source.name}-guess")
                rows.append(row("… as `golive init` guesses", cold, again))
            print(rows[-1], file=sys.stderr, flush=True)
    finally:
        if not given.keep:
            shutil.rmtree(base, ignore_errors=True)
    print(
        f"\n{os.cpu_count()} cores, load average {os.getloadavg()[2]:.1f} over the quarter of an hour before the end\n"
    )
    print("| project | set-up | lint | unit | integration | build | whole run | golive's own, most | unchanged |")
    print("|---|--:|--:|--:|--:|--:|---|--:|---|")
    print("\n".join(rows))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

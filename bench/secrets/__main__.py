"""`python -m bench.secrets [--table FILE]`: precision, recall, and seconds for a history of 10 000 commits."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench.secrets.corpus import corpus
from golive.readiness.secretscan import trees
from golive.readiness.secretscan.rules import scan

SEED, ROUNDS, COMMITS = 20261125, 40, 10_000


def accuracy() -> list[str]:
    """The corpus, sample by sample."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    misses: Counter[str] = Counter()
    for sample in corpus(SEED, ROUNDS):
        found = bool(list(scan(sample.text)))
        total[sample.kind] += 1
        right[sample.kind] += found == sample.secret
        alarms[sample.kind] += found and not sample.secret
        misses[sample.kind] += not found and sample.secret
    secrets = sum(sample.secret for sample in corpus(SEED, ROUNDS))
    hits = secrets - sum(misses.values())
    wrong = sum(alarms.values())
    clean = sum(total.values()) - secrets
    lines = [
        f"{secrets} secrets, {clean} near misses (seed {SEED}): precision {hits / (hits + wrong):.3f}, "
        f"recall {hits / secrets:.3f}, {wrong} false alarms, {secrets - hits} missed.",
        "",
        "| kind | samples | right | false alarms | missed |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {kind} | {total[kind]} | {right[kind]} | {alarms[kind]} | {misses[kind]} |" for kind in sorted(total)]
    return lines


def long_history(folder: Path, commits: int) -> None:
    """A repository with so many commits, by one stream of fast-import; five of them add a secret."""
    samples = iter([sample.text for sample in corpus(SEED + 1, 2) if sample.secret])
    stream: list[bytes] = []
    for number in range(commits):
        secret = next(samples) if number % (commits // 5) == 7 else ""
        code = "".join(f"def step_{number}_{line}(value):\n    return value + {line}\n\n\n" for line in range(12))
        text = (f'"""Module {number % 500}."""\n\n{code}{secret}').encode()
        path = f"src/part_{number % 20}/module_{number % 500}.py"
        message = f"Change {number}".encode()
        stream += [
            b"commit refs/heads/main\n",
            f"committer dev <dev@acme.example> {1_600_000_000 + number * 600} +0000\n".encode(),
            b"data %d\n%s\n" % (len(message), message),
            f"M 100644 inline {path}\n".encode(),
            b"data %d\n%s\n" % (len(text), text),
        ]
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "fast-import", "--quiet"], input=b"".join(stream), check=True)
    subprocess.run(["git", "-C", str(folder), "reset", "-q", "--hard"], check=True)


def speed(commits: int) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="golive-bench-secrets-") as name:
        folder = Path(name)
        long_history(folder, commits)
        began, busy = time.monotonic(), time.process_time()
        past = trees.history(folder)
        took, busy = time.monotonic() - began, time.process_time() - busy
        dirty = len({placed.blob for placed in past.hits})
    return [
        f"History of {commits} commits, {past.examined} distinct contents: {took:.1f} s by the clock, {busy:.1f} s of "
        f"processor ({past.examined / max(busy, 0.001):,.0f} contents a second of processor); "
        f"{dirty} of the 5 contents with a secret found."
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.secrets", description=__doc__)
    parser.add_argument("--table", type=Path, help="write the figures here, as Markdown")
    parser.add_argument("--commits", type=int, default=COMMITS)
    chosen = parser.parse_args()
    lines = ["# The secret scan, measured", "", *accuracy(), "", *speed(chosen.commits), ""]
    print("\n".join(lines))
    if chosen.table:
        chosen.table.write_text("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())

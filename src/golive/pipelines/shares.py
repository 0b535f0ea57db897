"""Sharing test files out over workers by how long each took, so that all end at about the same time."""

import math
from collections.abc import Mapping, Sequence
from statistics import median


def shared_out(files: Sequence[str], seconds: Mapping[str, float], workers: int) -> list[list[str]]:
    """The files in at most `workers` shares: the longest first, each to the worker with the least to do.

    A file that was never timed counts as the median of those that were. No share is empty. Times count in powers of
    two: else every run would share out anew, and no worker's result could be taken from the last run.
    """
    seconds = {file: 2.0 ** round(math.log2(max(took, 0.05))) for file, took in seconds.items()}
    usual = median(seconds[file] for file in files if file in seconds) if any(f in seconds for f in files) else 1.0
    shares: list[list[str]] = [[] for _ in range(min(workers, len(files)))]
    load = [0.0] * len(shares)
    for file in sorted(files, key=lambda one: (-seconds.get(one, usual), one)):
        least = load.index(min(load))
        shares[least].append(file)
        load[least] += seconds.get(file, usual)
    return [sorted(share) for share in shares]

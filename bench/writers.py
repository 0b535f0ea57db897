"""Writes at a steady rate beside whatever is measured, with the latency of each, in a process of their own.

`python -m bench.writers URL RATE FILE STATEMENT...` writes until its input closes; FILE gets one line a write:
the time it began (seconds since the epoch), milliseconds, and 1 when it failed. Late writes count from when they
were due, so that a stall is seen by every write that it delayed.
"""

import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg

from bench.disk import without

Writes = list[tuple[float, float]]  # when each was due, and after how many ms it was done

THREADS = 8
BEFORE_SECONDS = 60.0  # what is measured is compared with as much of nothing at work


def work(url: str, every: float, offset: float, file: Path, statements: list[str], stop: threading.Event) -> None:
    with psycopg.connect(url, autocommit=True) as connection, file.open("w") as out:
        due = time.time() + offset
        number = 0
        while not stop.is_set():
            time.sleep(max(due - time.time(), 0))
            failed = 0
            try:
                connection.execute(statements[number % len(statements)])
            except psycopg.Error as error:
                failed = 1
                print(f"write failed: {error}", file=sys.stderr)
            out.write(f"{due:.6f} {(time.time() - due) * 1000:.3f} {failed}\n")
            number += 1
            due += every


class Writers:
    """A running writer process."""

    def __init__(self, url: str, rate: float, folder: Path, statements: list[str]) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "bench.writers", url, str(rate), str(folder), *statements]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def stop(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(60)

    def between(self, begin: float, end: float) -> tuple[Writes, int]:
        """Writes due in a stretch: when, and after how many ms they were done. How many failed."""
        found, failed = [], 0
        for file in self.folder.glob("writes*"):
            for line in file.read_text().splitlines():
                due, latency, bad = line.split()
                if begin <= float(due) < end:
                    found.append((float(due), float(latency)))
                    failed += int(bad)
        return found, failed

    def first_of_two(self) -> int:
        """How many writes were the first of two statements in turn and did not fail."""
        return self._good(0)

    def second_of_two(self) -> int:
        """How many were the second."""
        return self._good(1)

    def _good(self, first: int) -> int:
        lines = [line for file in self.folder.glob("writes*") for line in file.read_text().splitlines()[first::2]]
        return sum(line.endswith(" 0") for line in lines)


def p(values: list[float], share: float) -> float:
    """A percentile of sorted values."""
    return values[min(int(len(values) * share), len(values) - 1)] if values else 0.0


def compared(calm: Writes, busy: Writes, still: list[tuple[float, float]]) -> list[str]:
    """Cells of a table: p50 and p99 before, the same during, how many times p99, the worst write.

    Without what met a disk that stood still; the last cell says how long that was, and p99 with it.
    """
    whole_calm, whole_busy = _latencies(calm), _latencies(busy)
    calm_ms, busy_ms = _latencies(without(calm, still)), _latencies(without(busy, still))
    return [
        f"{p(calm_ms, 0.5):.1f} / {p(calm_ms, 0.99):.1f} ms",
        f"{p(busy_ms, 0.5):.1f} / {p(busy_ms, 0.99):.1f} ms",
        f"{p(busy_ms, 0.99) / max(p(calm_ms, 0.99), 0.1):.1f} times",
        f"{p(whole_busy, 1.0):.0f} ms (before {p(whole_calm, 1.0):.0f} ms)",
        f"{sum(end - begin for begin, end in still):.1f} s in {len(still)} "
        f"({p(whole_calm, 0.99):.1f} and {p(whole_busy, 0.99):.1f} ms with it)",
    ]


def _latencies(writes: Writes) -> list[float]:
    return sorted(ms for _, ms in writes)


def main() -> None:
    url, rate, folder, *statements = sys.argv[1:]
    stop = threading.Event()
    every = THREADS / float(rate)
    threads = [
        threading.Thread(
            target=work, args=(url, every, every * n / THREADS, Path(folder) / f"writes{n}", statements, stop)
        )
        for n in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()

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

THREADS = 8


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
    """A running writer process; `between` gives the sorted latencies in ms of writes due in a stretch."""

    def __init__(self, url: str, rate: float, folder: Path, statements: list[str]) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "bench.writers", url, str(rate), str(folder), *statements]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def stop(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(60)

    def between(self, begin: float, end: float) -> tuple[list[float], int]:
        found, failed = [], 0
        for file in self.folder.glob("writes*"):
            for line in file.read_text().splitlines():
                due, latency, bad = line.split()
                if begin <= float(due) < end:
                    found.append(float(latency))
                    failed += int(bad)
        return sorted(found), failed

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


def compared(calm: list[float], busy: list[float]) -> list[str]:
    """Cells of a table: p50 and p99 before, the same during, how many times p99, the worst write."""
    return [
        f"{p(calm, 0.5):.1f} / {p(calm, 0.99):.1f} ms",
        f"{p(busy, 0.5):.1f} / {p(busy, 0.99):.1f} ms",
        f"{p(busy, 0.99) / max(p(calm, 0.99), 0.1):.1f} times",
        f"{p(busy, 1.0):.0f} ms (before {p(calm, 1.0):.0f} ms)",
    ]


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

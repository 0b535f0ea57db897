"""The work that both sides do."""

import time
from collections.abc import Callable
from statistics import median

import psutil

ROUNDS = 3
INSERT = "INSERT INTO logs"
QUERIES = {
    "select 1": "SELECT 1",
    "count of logs": "SELECT count() FROM logs WHERE project = 'bench'",
    "errors a minute": (
        "SELECT toStartOfMinute(time) AS minute, count() FROM logs "
        "WHERE project = 'bench' AND severity_number >= 17 GROUP BY minute ORDER BY minute"
    ),
    "a rare word": "SELECT count() FROM logs WHERE project = 'bench' AND hasAllTokens(lower(body), ['id77777'])",
}


def lines(count: int) -> bytes:
    """Log rows as JSON lines."""
    began = time.time()
    return b"".join(
        b'{"project":"bench","environment":"production","service":"web","time":%s,"severity_number":%d,'
        b'"body":"GET /api/tasks answered for id%d in %d ms","attributes":{"http.route":"/api/tasks"}}\n'
        % (b"%.3f" % (began + n / 1000), 17 if n % 50 == 0 else 9, n, n % 997)
        for n in range(count)
    )


def cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def measure(pid: int, work: Callable[[], object], count: int) -> tuple[float, float]:
    """Milliseconds of wall time (median) and of the process's CPU (mean) for one call."""
    work()
    before, walls = cpu_seconds(pid), []
    for _ in range(count):
        began = time.perf_counter()
        work()
        walls.append(time.perf_counter() - began)
    return median(walls) * 1e3, (cpu_seconds(pid) - before) / count * 1e3

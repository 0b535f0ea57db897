"""The table of `golive status`."""

from rich.console import Console
from rich.table import Table

from golive.up.instance import Status
from golive.up.status import Line

STYLES = {"ready": "green", "starting": "yellow", "waiting": "yellow", "failing": "red", "gone": "red"}


def show(status: Status, lines: list[Line]) -> None:
    """Print what runs, with totals."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("process", "state", "pid", "up", "restarts", "memory", ""):
        table.add_column(title, justify="right" if title in ("pid", "up", "restarts", "memory") else "left")
    for line in lines:
        state = f"[{STYLES.get(line.state, 'default')}]{line.state}[/]"
        pid = str(line.pid) if line.pid else "-"
        table.add_row(line.name, state, pid, line.up, str(line.restarts), megabytes(line.memory_bytes), line.problem)
    total = sum(line.memory_bytes or 0 for line in lines)
    table.add_row("total", "", "", "", "", megabytes(total), "")
    console = Console(highlight=False)
    console.print(table)
    console.print(f"console {status.url} · OTLP {status.ingest_url}")


def megabytes(size_bytes: int | None) -> str:
    return "-" if size_bytes is None else f"{size_bytes / 1_000_000:.0f} MB"

"""Settings against the machine and against what keeps data and people safe."""

from collections.abc import Mapping, Sequence

from golive.postgres.look.collector import Collector, Column, Finding, Given, Level, Pace, Row, Server, size, statements

_UNITS = {"8kB": 8192, "kB": 1024, "MB": 1024**2, "B": 1, "": 1}


def read(server: Server) -> list[Row]:
    return server.rows(statements("settings")["settings"])


def amount(row: Row) -> float:
    """A setting's number in its base unit: bytes for sizes."""
    return float(row["setting"]) * _UNITS.get(row["unit"], 1)


def judge(found: Sequence[Row], given: Given) -> list[Finding]:
    have = {row["name"]: row for row in found}
    said = [*_safety(have), *_memory(have, given), *_habits(have)]
    for row in found:
        if row["pending_restart"]:
            said.append(Finding(Level.INFO, row["name"], "changed, but in force only after a restart"))
    return said


def _set(name: str, value: str) -> tuple[str, str]:
    return (
        f"ALTER SYSTEM SET {name} = '{value}'; SELECT pg_reload_conf();",
        f"ALTER SYSTEM RESET {name}; SELECT pg_reload_conf();",
    )


def _safety(have: Mapping[str, Row]) -> list[Finding]:
    said = []
    for name, why in (
        ("fsync", "a crash of the machine loses or corrupts data"),
        ("full_page_writes", "a crash in the middle of a write corrupts pages"),
        ("autovacuum", "tables bloat until transaction ids run out"),
    ):
        if _is(have, name, "off"):
            said.append(Finding(Level.CRITICAL, name, f"is off: {why}", *_set(name, "on")))
    if _is(have, "password_encryption", "md5"):
        reason = "passwords are kept as MD5: use scram-sha-256 and set them again"
        said.append(
            Finding(Level.WARNING, "password_encryption", reason, *_set("password_encryption", "scram-sha-256"))
        )
    if _is(have, "data_checksums", "off"):
        reason = "pages carry no checksum: silent disk errors stay silent (pg_checksums --enable needs a stop)"
        said.append(Finding(Level.INFO, "data_checksums", reason))
    return said


def _memory(have: Mapping[str, Row], given: Given) -> list[Finding]:
    memory = given.memory_bytes
    if not memory:
        reason = 'golive does not know the machine\'s memory: write [database.machine] memory = "16 GiB", cores = 4'
        return [Finding(Level.UNKNOWN, "memory", reason)]
    said = []
    if "shared_buffers" in have:
        share = amount(have["shared_buffers"]) / memory
        if share < 0.15:
            reason = f"{size(amount(have['shared_buffers']))} of {size(memory)} of memory: a quarter is usual"
            advice, undo = _set("shared_buffers", f"{round(memory / 4 / 1024**2)}MB")
            said.append(Finding(Level.WARNING, "shared_buffers", reason, f"{advice}  -- needs a restart", undo))
        elif share > 0.45:
            reason = f"{share * 100:.0f} % of memory: little is left for the system's cache and sorting"
            said.append(
                Finding(
                    Level.WARNING, "shared_buffers", reason, *_set("shared_buffers", f"{round(memory / 4 / 1024**2)}MB")
                )
            )
    if "work_mem" in have and "max_connections" in have:
        worst = amount(have["work_mem"]) * amount(have["max_connections"])
        if worst > memory:
            reason = (
                f"{size(amount(have['work_mem']))} for each sort of up to {have['max_connections']['setting']} "
                f"connections could take {size(worst)}, more than the machine has"
            )
            said.append(Finding(Level.WARNING, "work_mem", reason, "golive db pool plan"))
    if "effective_cache_size" in have and amount(have["effective_cache_size"]) < memory * 0.4:
        reason = f"says that {size(amount(have['effective_cache_size']))} are cached; three quarters of memory is truer"
        said.append(
            Finding(
                Level.INFO,
                "effective_cache_size",
                reason,
                *_set("effective_cache_size", f"{round(memory * 0.75 / 1024**2)}MB"),
            )
        )
    return said


def _habits(have: Mapping[str, Row]) -> list[Finding]:
    said = []
    if "random_page_cost" in have and float(have["random_page_cost"]["setting"]) >= 4:
        reason = "4 is for spinning disks: on SSD the planner avoids indexes that would help"
        said.append(Finding(Level.INFO, "random_page_cost", reason, *_set("random_page_cost", "1.1")))
    for name, value, why in (
        ("idle_in_transaction_session_timeout", "60s", "a forgotten transaction holds its locks for ever"),
        ("statement_timeout", "60s", "one runaway query can hold the server; set it for the application's role"),
        ("track_io_timing", "on", "golive cannot tell waiting for the disk from computing"),
        ("log_lock_waits", "on", "waits for locks leave no trace"),
    ):
        if name in have and have[name]["setting"] in ("0", "off"):
            said.append(Finding(Level.INFO, name, f"is off: {why}", *_set(name, value)))
    if "pg_stat_statements" not in have.get("shared_preload_libraries", {"setting": "pg_stat_statements"})["setting"]:
        reason = "pg_stat_statements is not loaded: nobody can say which statements cost what"
        said.append(Finding(Level.WARNING, "shared_preload_libraries", reason, "golive db connect"))
    return said


def _is(have: Mapping[str, Row], name: str, value: str) -> bool:
    return name in have and have[name]["setting"] == value


COLLECTOR = Collector(
    "settings",
    "Settings",
    "Do they fit the machine, and are data safe?",
    Pace.SLOW,
    read,
    judge,
    (
        Column("name", "Setting", "code"),
        Column("setting", "Value"),
        Column("unit", "Unit"),
        Column("source", "Set by"),
        Column("built_in", "Default"),
    ),
    order=70,
)

"""How much one query may take, and which settings a reader may choose for itself."""

from collections.abc import Mapping

# Sent by clients for the transport; they mean nothing to the engine behind this adapter.
TRANSPORT = frozenset(
    {
        "add_http_cors_header",
        "buffer_size",
        "cancel_http_readonly_queries_on_client_close",
        "client_protocol_version",
        "close_session",
        "enable_http_compression",
        "http_headers_progress_interval_ms",
        "http_zlib_compression_level",
        "log_queries",
        "quota_key",
        "role",
        "send_logs_level",
        "send_progress_in_http_headers",
        "session_check",
        "session_id",
        "session_timeout",
        "stacktrace",
        "wait_end_of_query",
    }
)
# What every reader gets, and the most it may ask for.
READER_CAPS = {
    "max_memory_usage": 400_000_000,
    "max_execution_time": 60,
    "max_result_rows": 1_000_000,
    "max_result_bytes": 64_000_000,
    "max_threads": 2,
    "max_query_size": 262_144,
}
READER_FIXED = {
    "timeout_overflow_mode": "throw",
    "result_overflow_mode": "throw",
    "allow_introspection_functions": "0",
    "implicit_select": "0",
    "max_block_size": "16384",
    "readonly": "1",
}
_READER_MAY_SET = ("output_format_", "date_time_output_format", "session_timezone", "join_algorithm")
WRITER_DEFAULTS = {
    "max_memory_usage": "900000000",
    "max_execution_time": "600",
    "implicit_select": "0",
    "allow_introspection_functions": "0",
}


class SettingRefused(Exception):
    """A reader asked for a setting that is not its to choose."""


def reader_settings(asked: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The settings of a reader's session: its wishes within the caps. Raises SettingRefused naming the setting."""
    chosen = {name: str(cap) for name, cap in READER_CAPS.items()} | READER_FIXED
    for name, value in asked.items():
        if name in TRANSPORT:
            continue
        if name in READER_CAPS:
            chosen[name] = str(_within(name, value, READER_CAPS[name]))
        elif name.startswith(_READER_MAY_SET):
            chosen[name] = value
        elif READER_FIXED.get(name) != value:
            raise SettingRefused(f"Cannot modify '{name}' setting in readonly mode.")
    return tuple(sorted(chosen.items()))


def writer_settings(asked: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The settings of a writer's session: our defaults under its wishes."""
    wanted = {name: value for name, value in asked.items() if name not in TRANSPORT}
    return tuple(sorted((WRITER_DEFAULTS | wanted).items()))


def own_settings() -> tuple[tuple[str, str], ...]:
    """The settings of the store's own work, such as its schema."""
    return writer_settings({})


def _within(name: str, value: str, cap: int) -> int:
    try:
        asked = int(float(value))
    except (ValueError, OverflowError):
        raise SettingRefused(f"Setting {name} needs a number, not {value!r}.") from None
    return min(asked, cap) if asked > 0 else cap  # 0 means "no limit" to the engine

"""What an application does that a pool in transaction mode breaks: found in its statements before it bites."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Break:
    """A habit that needs the same server connection for more than a transaction."""

    what: str
    why: str
    way_out: str
    statement: str
    calls: float
    role: str = ""


_HABITS: tuple[tuple[str, str, str, str], ...] = (
    (
        r"^\s*set\s+(?!local\b|transaction\b|constraints\b)(session\s+)?[\w.\"]+",
        "SET for a session",
        "the setting stays on a server connection that the next client gets, and is gone for this one",
        "SET LOCAL inside a transaction, or ALTER ROLE … SET",
    ),
    (
        r"\bset_config\s*\([^)]*,\s*false\s*\)",
        "set_config(…, false)",
        "it sets for the session: another client gets it",
        "set_config(…, true) inside a transaction",
    ),
    (
        r"^\s*listen\b",
        "LISTEN",
        "notices go to a server connection, not to this client",
        "a direct connection for the listener",
    ),
    (
        r"\bpg_(try_)?advisory_lock(_shared)?\s*\(",
        "a session's advisory lock",
        "it stays with a server connection: it is never released, or by somebody else",
        "pg_advisory_xact_lock inside a transaction; migrations over a direct connection",
    ),
    (
        r"^\s*prepare\s+(?!transaction\b)",
        "PREPARE",
        "the next transaction may run where it is not prepared",
        "protocol-level prepared statements with PgBouncer 1.21 or newer, or none",
    ),
    (
        r"\bcreate\s+(local\s+|global\s+)?temp(orary)?\s+(table|view|sequence)\b(?!.*on\s+commit\s+drop)",
        "a temporary table that outlives its transaction",
        "the next transaction may not find it, and others do",
        "ON COMMIT DROP inside a transaction",
    ),
    (
        r"\bwith\s+hold\b",
        "a cursor WITH HOLD",
        "it lives on a server connection that somebody else gets",
        "keyset pagination",
    ),
    (r"^\s*load\b", "LOAD", "it loads into one server connection", "session_preload_libraries"),
)
_COMPILED = [
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), what, why, way_out) for pattern, what, why, way_out in _HABITS
]
_HARMLESS = re.compile(
    r"^\s*set\s+(session\s+)?(application_name|client_encoding|datestyle|timezone|time\s+zone|standard_conforming_strings)\b",
    re.IGNORECASE,
)  # PgBouncer keeps track of these


def breaks(statements: Iterable[tuple[str, float, str]]) -> list[Break]:
    """The habits in statements given as (text, calls, role); most used first. Comments and literals do not count."""
    found = []
    for text, calls, role in statements:
        bare = without_literals(text)
        if _HARMLESS.search(bare):
            continue
        for pattern, what, why, way_out in _COMPILED:
            if pattern.search(bare):
                found.append(Break(what, why, way_out, " ".join(text.split())[:200], calls, role))
    return sorted(found, key=lambda one: -one.calls)


_LITERALS = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$", re.DOTALL)


def without_literals(text: str) -> str:
    """A statement with comments and string literals taken out."""
    return _LITERALS.sub(lambda match: "''" if match[0][0] in "'$" else " ", text)


def held(locks: Sequence[dict[str, Any]]) -> list[Break]:
    """Advisory locks that idle sessions hold now: rows with application, role and how many."""
    return [
        Break(
            "a session's advisory lock",
            "an idle session holds it now",
            "pg_advisory_xact_lock inside a transaction",
            f"{row['locks']} held by {row['application'] or '(none)'}",
            float(row["locks"]),
            row["role"],
        )
        for row in locks
    ]

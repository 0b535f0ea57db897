"""Is a statement a read that a replica may answer? Unsure means no."""

import re

_QUIET = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$([A-Za-z_]\w*)?\$.*?\$\1\$", re.DOTALL)
_BEGINS = re.compile(r"[\s(]*(select|with|values|table|show)\b", re.IGNORECASE)
_WRITES = re.compile(
    r"\b(insert|update|delete|merge|into|lock|nextval|setval|set_config|notify|pg_notify|txid_current|"
    r"pg_current_xact_id|pg_(try_)?advisory\w*|lo_\w+|dblink\w*|pg_logical_emit_message|pg_export_snapshot)\b",
    re.IGNORECASE,
)
_LOCKS = re.compile(r"\bfor\s+(no\s+key\s+update|update|key\s+share|share)\b", re.IGNORECASE)


def is_read(text: str) -> bool:
    """Whether a replica may be asked this. A function that writes is refused there and asked of the primary again."""
    bare = _QUIET.sub(lambda match: " " if match[0][0] in "-/" else "''", text)
    if ";" in bare.rstrip().rstrip(";"):
        return False
    return bool(_BEGINS.match(bare)) and not _WRITES.search(bare) and not _LOCKS.search(bare)

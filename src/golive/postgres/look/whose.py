"""Whose statements: the application's, or those that look at the server - golive's own among them."""

import re

_QUERY = re.compile(
    r"(?>\s|\(|--[^\n]*\n|/\*.*?\*/)*+(select|with|insert|update|delete|merge|values|table)\b", re.I | re.S
)
_CATALOG = re.compile(r"\b(from|join)\s+(pg_\w+|information_schema\.\w+|hypopg\w*)", re.IGNORECASE)
_SERVER = re.compile(r"\s*select\s+(pg_|current_|has_|set_config|version\b)", re.IGNORECASE)


def asked_by_people(text: str) -> bool:
    """Whether the application asks it: not the catalog's readers, golive among them, and not what a person once did."""
    return not text or bool(_QUERY.match(text) and not _CATALOG.search(text) and not _SERVER.match(text))

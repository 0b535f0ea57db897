"""Takes secrets out of error events before anything is written: passwords, tokens, cookies, card numbers."""

import re
from collections.abc import Mapping
from typing import Any

SCRUBBED = "[scrubbed]"
DEEPEST = 60

_SECRET_NAME = re.compile(
    r"(?i)authorization|cookie|passw(?:or)?d|passphrase|pwd$|secret|token|api[-_.]?key|access[-_.]?key|private[-_.]?key"
    r"|credential|session[-_.]?id|sessid|csrf|xsrf|card[-_.]?(?:number|no$)|cvv|cvc$|iban|social[-_.]?security|^ssn$"
    r"|^dsn$|x-forwarded-client-cert|^auth$"
)
_HARMLESS_NAME = re.compile(
    r"(?i)^(?:token_type|tokens?_(?:count|used)|max_tokens|.*_tokens|tokeniz\w+|has_\w+|is_\w+)$"
)
_NAMES_IN_TEXT = (
    r"passw(?:or)?d|passphrase|secret|(?:access|refresh|id|auth|api|csrf)?[-_]?token|api[-_]?key|client[-_]?secret"
)
_IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"(?i)((?:{_NAMES_IN_TEXT})\w*=)[^&\s\"',;]+"), rf"\1{SCRUBBED}"),
    (re.compile(rf"(?i)([\"'](?:[\w-]*(?:{_NAMES_IN_TEXT})\w*)[\"']\s*:\s*[\"'])[^\"']+"), rf"\1{SCRUBBED}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {SCRUBBED}"),
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+(@)"), rf"\1{SCRUBBED}\2"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), SCRUBBED),
    (
        re.compile(r"\b(?:sk|rk|pk)_(?:live|test)_\w{8,}|\bgh[pousr]_\w{20,}|\bAKIA[0-9A-Z]{16}\b|\bgl[it]_[\w-]{16,}"),
        SCRUBBED,
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"), SCRUBBED),
)
_MAY_BE_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])")


def scrub(value: Any, depth: int = 0) -> Any:
    """The same value without secrets; neither the shape nor the names change."""
    if isinstance(value, str):
        return scrub_text(value)
    if depth > DEEPEST:
        return SCRUBBED
    if isinstance(value, Mapping):
        return {
            name: SCRUBBED if is_secret(str(name)) and _tells(item) else scrub(item, depth + 1)
            for name, item in value.items()
        }
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str) and is_secret(value[0]) and isinstance(value[1], str):
            return [value[0], SCRUBBED]  # headers and tags also come as pairs
        return [scrub(item, depth + 1) for item in value]
    return value


def is_secret(name: str) -> bool:
    """Does a field of this name hold a secret?"""
    return bool(_SECRET_NAME.search(name)) and not _HARMLESS_NAME.match(name)


def scrub_text(text: str) -> str:
    """Text without the secrets that can be told by their shape."""
    if len(text) < 8:
        return text
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return _MAY_BE_CARD.sub(lambda found: SCRUBBED if is_card_number(found[0]) else found[0], text)


def is_card_number(text: str) -> bool:
    """13 to 19 digits whose check digit holds (Luhn) and that do not all agree."""
    digits = [int(letter) for letter in text if letter.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1 or digits[0] not in (2, 3, 4, 5, 6):
        return False
    doubled = [digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _tells(value: Any) -> bool:
    """Booleans, nothing and numbers below 1000 give nothing away."""
    return not (
        value is None or isinstance(value, bool) or value == "" or (isinstance(value, int) and abs(value) < 1000)
    )

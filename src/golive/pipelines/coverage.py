"""The share of lines that tests reach, from a Cobertura report (`coverage xml` and others write it)."""

import re

_RATE = re.compile(rb"<coverage\b[^>]*\bline-rate=\"([01](?:\.\d+)?)\"")


def share_covered(report: bytes) -> float | None:
    """0..1, or None when the report does not say."""
    found = _RATE.search(report[:65536])
    return float(found[1]) if found else None

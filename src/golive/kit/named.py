"""SQL in files of its own: several statements in one, each under its name."""

import re
from collections.abc import Mapping
from pathlib import Path


def queries(path: Path) -> Mapping[str, str]:
    """The named queries of a `.sql` file: each begins with a line `-- name: NAME`."""
    parts = re.split(r"(?m)^-- name: (\w+)[^\n]*\n", path.read_text())
    return dict(zip(parts[1::2], (text.strip().rstrip(";") for text in parts[2::2]), strict=True))

"""docs/reference/environment.md names exactly the variables that the code reads."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = re.compile(r"\b(?:GOLIVE_[A-Z_]+[A-Z]|DATABASE_URL|NO_COLOR)\b")


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    read = {name for file in (ROOT / "src").rglob("*.py") for name in VARIABLE.findall(file.read_text())}
    rows = re.findall(r"(?m)^\| `(\w+)`", (ROOT / "docs/reference/environment.md").read_text())
    assert len(rows) == len(set(rows))
    assert set(rows) == read

"""A check's definition between golive.toml and the database: common keys in columns, those of its kind in `options`."""

from typing import Any

from golive.checks.kind import Common
from golive.checks.kinds import KINDS
from golive.checks.models import Check

COLUMNS = ("kind", "url", "every", "timeout", "latency")


def columns(section: Common) -> dict[str, Any]:
    """What to save of a section."""
    kept = {name: getattr(section, name) for name in COLUMNS if name in type(section).model_fields}
    return {**kept, "options": section.model_dump(mode="json", by_alias=True, exclude=set(COLUMNS))}


def of(check: Check) -> Common:
    """The section that a saved check was made from."""
    model = KINDS[check.kind].section
    kept = {name: getattr(check, name) for name in COLUMNS if name in model.model_fields}
    return model.model_validate({**check.options, **kept})

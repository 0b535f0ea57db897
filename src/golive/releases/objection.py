"""What a gate says to a deploy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Objection:
    """Why a deploy should not begin now, and where to read more."""

    gate: str
    reason: str
    link: str = ""

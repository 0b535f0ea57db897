"""The key of a step's result: a hash over everything that the result depends on, explained on request."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FORMAT = "1"


@dataclass(frozen=True)
class Key:
    """A key and what it was made of: parts by name ("file src/a.py", "command", "service postgres")."""

    digest: str
    parts: Mapping[str, str]


def key_of(parts: Mapping[str, str]) -> Key:
    """The key of these parts, whatever their order."""
    text = json.dumps([FORMAT, sorted(parts.items())], ensure_ascii=True, separators=(",", ":"))
    return Key(hashlib.sha256(text.encode()).hexdigest(), dict(parts))


def explained(new: Mapping[str, str], old: Mapping[str, str] | None) -> list[str]:
    """Why a result is not the earlier one's, in sentences; empty when the keys are the same."""
    if old is None:
        return ["nothing like it has been run before"]
    said = [f"{name} changed" for name in sorted(new.keys() & old.keys()) if new[name] != old[name]]
    said += [f"{name} is new" for name in sorted(new.keys() - old.keys())]
    return said + [f"{name} is gone" for name in sorted(old.keys() - new.keys())]


def told(reasons: Sequence[str], most: int = 3) -> str:
    """Reasons as one clause: the first few, and how many more."""
    more = f" and {len(reasons) - most} more" if len(reasons) > most else ""
    return ", ".join(reasons[:most]) + more

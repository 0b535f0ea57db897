"""May this deploy begin? Higher rooms register gates in their `gates.py`: an open incident, a checklist not proved."""

from collections.abc import Mapping
from typing import Protocol

from golive.releases.budget import ErrorBudget
from golive.releases.models import Environment, Release
from golive.releases.objection import Objection
from golive.rooms import modules

__all__ = ["Gate", "Objection", "names", "objections", "register_gate", "unregister_gate"]


class Gate(Protocol):
    """Objects to a deploy, or not. It must answer within a second and not raise for what it cannot know."""

    name: str

    def objects(self, environment: Environment, release: Release) -> Objection | None: ...


_gates: dict[str, Gate] = {ErrorBudget.name: ErrorBudget()}


def register_gate(gate: Gate) -> None:
    _gates[gate.name] = gate


def unregister_gate(name: str) -> None:
    _gates.pop(name, None)


def objections(environment: Environment, release: Release, overrides: Mapping[str, str]) -> list[Objection]:
    """What stands in the way; a gate that a person overrode with a reason is not asked. A gate that breaks objects."""
    found: list[Objection] = []
    for name, gate in _known().items():
        if overrides.get(name) or overrides.get("all"):
            continue
        try:
            objection = gate.objects(environment, release)
        except Exception as error:
            objection = Objection(name, f"cannot tell: {error}")
        if objection is not None:
            found.append(objection)
    return found


def names() -> list[str]:
    """The registered gates."""
    return sorted(_known())


def _known() -> dict[str, Gate]:
    for _ in modules("gates"):  # importing them registers their gates
        pass
    return _gates

"""Decide which variant of a flag somebody gets. Pure: the flag, the context and the time go in, a reason comes out.

The order: killed, switched off or outside its schedule → the off variant; the first targeting rule that matches; else
what everybody is served. A split is by the targeting key and the flag's key, so that a person keeps their variant, and
those who have a variant keep it when its share grows.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

TARGETING_KEY = "targetingKey"
Split = Mapping[str, float]  # variant -> per cent; what is missing to 100 gets the off variant


class Reason(StrEnum):
    """OpenFeature's reasons."""

    STATIC = "STATIC"
    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"
    DISABLED = "DISABLED"


class Operator(StrEnum):
    """How an attribute of the context is compared."""

    IS = "is"
    IS_NOT = "is_not"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    ABOVE = "above"
    BELOW = "below"
    EXISTS = "exists"
    MISSING = "missing"


@dataclass(frozen=True)
class Condition:
    """One comparison; `values` are compared as text, for above and below as numbers."""

    attribute: str
    operator: Operator
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """A targeting rule: all conditions must hold, then the split applies."""

    conditions: tuple[Condition, ...]
    split: Split


@dataclass(frozen=True)
class Flag:
    """A flag as it stands in one environment."""

    key: str
    variants: Mapping[str, Any]
    off: str
    on: bool = False
    killed: bool = False
    targets: tuple[Target, ...] = ()
    split: Split = field(default_factory=dict)
    on_at: datetime | None = None
    off_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True)
class Evaluation:
    """What somebody gets, and why."""

    variant: str
    value: Any
    reason: Reason
    why: str


class TargetingKeyMissing(ValueError):
    """The flag is split and the context does not say among whom."""


def evaluate(flag: Flag, context: Mapping[str, Any], now: datetime) -> Evaluation:
    """The variant for this context at `now`. Raises TargetingKeyMissing."""
    if off := why_off(flag, now):
        return Evaluation(flag.off, flag.variants[flag.off], Reason.DISABLED, off)
    for number, target in enumerate(flag.targets, start=1):
        if all(holds(condition, context) for condition in target.conditions):
            return _served(flag, target.split, context, Reason.TARGETING_MATCH, f"rule {number} matches")
    return _served(flag, flag.split, context, Reason.STATIC, "no rule matches" if flag.targets else "everybody")


def why_off(flag: Flag, now: datetime) -> str:
    """Why the flag is off at `now`; "" when it is on."""
    if flag.killed:
        return "killed"
    if not flag.on:
        return "switched off"
    if flag.on_at and now < flag.on_at:
        return f"begins at {flag.on_at:%Y-%m-%d %H:%M} UTC"
    if flag.off_at and now >= flag.off_at:
        return f"ended at {flag.off_at:%Y-%m-%d %H:%M} UTC"
    return ""


def _served(flag: Flag, split: Split, context: Mapping[str, Any], whole: Reason, why: str) -> Evaluation:
    only = next((name for name, share in split.items() if share >= 100), None)
    if only is None:
        who = context.get(TARGETING_KEY)
        if who is None or who == "":
            raise TargetingKeyMissing(f"{flag.key} is split by percentage: the context needs a {TARGETING_KEY}")
        place = bucket(flag.key, str(who))
        only, upto = flag.off, 0.0
        for name, share in split.items():
            upto += share
            if place < upto:
                only = name
                break
        reason = Reason.SPLIT
        why = f"{why}, at {place:.2f} of 100"
    else:
        reason = whole
    return Evaluation(only, flag.variants[only], reason, why)


def bucket(flag_key: str, who: str) -> float:
    """Where somebody stands for this flag, 0 ≤ place < 100: the same on every machine and in every year."""
    digest = hashlib.blake2b(f"{flag_key}\0{who}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53 * 100


def holds(condition: Condition, context: Mapping[str, Any]) -> bool:
    """Whether a condition holds; an attribute that is missing only satisfies is_not, not_in and missing."""
    told = context.get(condition.attribute)
    match condition.operator:
        case Operator.EXISTS:
            return told is not None
        case Operator.MISSING:
            return told is None
        case Operator.IS | Operator.IN:
            return bool(set(_texts(told)) & set(condition.values))
        case Operator.IS_NOT | Operator.NOT_IN:
            return not set(_texts(told)) & set(condition.values)
        case Operator.CONTAINS:
            return any(value in text for text in _texts(told) for value in condition.values)
        case Operator.STARTS_WITH:
            return any(text.startswith(condition.values) for text in _texts(told))
        case Operator.ENDS_WITH:
            return any(text.endswith(condition.values) for text in _texts(told))
        case Operator.ABOVE | Operator.BELOW:
            number, bound = _number(told), _number(condition.values[0])
            if number is None or bound is None:
                return False
            return number > bound if condition.operator == Operator.ABOVE else number < bound


def _texts(told: Any) -> Sequence[str]:
    """A value as the texts that it is compared by; a list is each of its elements."""
    if told is None:
        return ()
    if isinstance(told, list):
        return [text for each in told[:100] for text in _texts(each)]
    return (str(told).lower() if isinstance(told, bool) else str(told),)


def _number(told: Any) -> float | None:
    try:
        return None if isinstance(told, bool) else float(told)
    except (TypeError, ValueError):
        return None

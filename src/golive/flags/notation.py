"""Targeting as people write it, on the command line, in the console and by API.

plan is pro and country in DE,AT,CH -> on
email ends_with @acme.example -> on:50
on:10                                   what everybody else gets: 10 per cent "on", the rest the off variant
"""

import re
from collections.abc import Iterable, Mapping

from golive.flags.evaluation import Condition, Operator, Split, Target

MOST_TARGETS = 50
_CONDITION = re.compile(r"\s*(?P<attribute>[\w.\-$]{1,100})\s+(?P<operator>[a-z_]+)(?:\s+(?P<values>.+?))?\s*")
_ALONE = (Operator.EXISTS, Operator.MISSING)


class NotationError(ValueError):
    """What was written cannot be read; the message says what was expected."""


def read_split(text: str, variants: Iterable[str]) -> dict[str, float]:
    """ "on", "on:10" or "blue:30,green:30": variants with their per cent."""
    known, split = list(variants), dict[str, float]()
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, colon, share = (piece.strip() for piece in part.partition(":"))
        if name not in known:
            raise NotationError(f"there is no variant {name!r}; variants are {', '.join(known)}")
        try:
            split[name] = float(share.removesuffix("%")) if colon else 100.0
        except ValueError:
            raise NotationError(f"{share!r} is not a percentage, like {name}:10") from None
        if not 0 <= split[name] <= 100:
            raise NotationError(f"a percentage is between 0 and 100, not {share}")
    if not split:
        raise NotationError(f"say who is served what, like {known[0]} or {known[0]}:10")
    if sum(split.values()) > 100.0001:
        raise NotationError(f"the shares add up to {sum(split.values()):g} %, more than 100")
    return split


def write_split(split: Split) -> str:
    return ",".join(name if share >= 100 else f"{name}:{share:g}" for name, share in split.items())


def read_target(text: str, variants: Iterable[str]) -> Target:
    """ "plan is pro and country in DE,AT -> on:50"."""
    left, arrow, right = text.rpartition("->")
    if not arrow:
        raise NotationError(f"{text!r} has no ->; write a rule like: plan is pro -> on")
    conditions = tuple(_condition(part) for part in re.split(r"\s+and\s+", left.strip()))
    return Target(conditions, read_split(right, variants))


def _condition(text: str) -> Condition:
    found = _CONDITION.fullmatch(text)
    known = ", ".join(Operator)
    if found is None or found["operator"] not in set(Operator):
        raise NotationError(f"{text!r} is no condition; write ATTRIBUTE OPERATOR VALUE, with one of {known}")
    operator = Operator(found["operator"])
    told = (found["values"] or "").strip()
    if (operator in _ALONE) == bool(told):
        raise NotationError(f"{operator} takes {'no value' if operator in _ALONE else 'a value'}")
    many = operator in (Operator.IN, Operator.NOT_IN)
    values = tuple(part.strip() for part in told.split(",") if part.strip()) if many else (told,) if told else ()
    if operator in (Operator.ABOVE, Operator.BELOW):
        try:
            float(told)
        except ValueError:
            raise NotationError(f"{operator} compares with a number, not {told!r}") from None
    return Condition(found["attribute"], operator, values)


def write_target(target: Target) -> str:
    conditions = (
        f"{each.attribute} {each.operator}" + (f" {','.join(each.values)}" if each.values else "")
        for each in target.conditions
    )
    return f"{' and '.join(conditions)} -> {write_split(target.split)}"


def read_targets(lines: Iterable[str], variants: Mapping[str, object]) -> list[Target]:
    """Several rules, in their order; empty lines are skipped."""
    found = [read_target(line, variants) for line in lines if line.strip()]
    if len(found) > MOST_TARGETS:
        raise NotationError(f"{len(found)} rules; at most {MOST_TARGETS} are accepted")
    return found

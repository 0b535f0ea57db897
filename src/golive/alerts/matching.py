"""Matchers over what tells an alert apart, and when a silence is in force. Pure.

    service=web severity!=critical name=~disk*

All must hold. `=~` and `!~` take the wildcards * and ?. Labels are kind (rule, check, error, external, flag), name,
key, service, environment, severity and title, and those that a query or another tool gave.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

MOST = 20
_MATCHER = re.compile(r"\s*(?P<label>[A-Za-z_][\w.\-]*)(?P<operator>=~|!~|!=|=)(?P<value>\"[^\"]*\"|[^\s\",]*)\s*,?")


class MatcherError(ValueError):
    """What was written is no list of matchers; the message says what is."""


@dataclass(frozen=True)
class Matcher:
    """One comparison of a label."""

    label: str
    operator: str
    value: str

    def holds(self, labels: Mapping[str, str]) -> bool:
        told = labels.get(self.label, "")
        same = fnmatchcase(told, self.value) if "~" in self.operator else told == self.value
        return same != self.operator.startswith("!")


def read(text: str) -> list[Matcher]:
    """Read matchers. At least one must be given, so that nothing silences everything by mistake."""
    found, at = [], 0
    while at < len(text) and text[at:].strip():
        match = _MATCHER.match(text, at)
        if match is None:
            raise MatcherError(f"{text[at:].strip()[:40]!r} is no matcher; write LABEL=VALUE, like service=web")
        found.append(Matcher(match["label"], match["operator"], match["value"].strip('"')))
        at = match.end()
    if not found:
        raise MatcherError("say what is meant, like service=web or name=~disk*")
    if len(found) > MOST:
        raise MatcherError(f"{len(found)} matchers; at most {MOST} are accepted")
    return found


def hold(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether all hold."""
    return all(matcher.holds(labels) for matcher in matchers)


@dataclass(frozen=True)
class Span:
    """When a silence is in force."""

    starts_at: datetime
    ends_at: datetime
    every: timedelta | None = None
    ended_at: datetime | None = None

    def until(self, now: datetime) -> datetime | None:
        """When it ends, if it is in force at `now`; else None."""
        if now < self.starts_at or (self.ended_at is not None and now >= self.ended_at):
            return None
        ends = self.ends_at
        if self.every and now >= ends:
            ends += self.every * ((now - self.ends_at) // self.every + 1)
            if now < ends - (self.ends_at - self.starts_at):
                return None
        return ends if now < ends else None

"""Kinds of value that golive.toml accepts in many places: durations, percentages, references to the environment."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from golive.kit.durations import parse_duration

_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError('write a duration in quotes, like "90s", "5m", "1h30m" or "7d"')
    return parse_duration(value)


def _percent(value: Any) -> Any:
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value)):
        value = float(match[1]) / 100
    elif isinstance(value, str | bool):
        raise ValueError('write a percentage in quotes, like "5%"')
    if not isinstance(value, float | int) or not 0 <= value <= 1:
        raise ValueError('a percentage is between "0%" and "100%"')
    return float(value)


def resolve(value: Any) -> Any:
    """What `env:NAME` or `file:PATH` refers to; any other value is itself. Raises ValueError when it is not there."""
    if not isinstance(value, str):
        return value
    if value.startswith("env:"):
        name = value.removeprefix("env:")
        found = os.environ.get(name)
        if not found:
            raise ValueError(f"the environment variable {name} is not set here; export it and apply again")
        return found
    if value.startswith("file:"):
        try:
            return Path(value.removeprefix("file:")).read_text().strip()
        except OSError as error:
            raise ValueError(f"the file cannot be read: {error.strerror}") from error
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(lambda value: f"{value / timedelta(milliseconds=1):.0f}ms", return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "duration"}),
]
Percent = Annotated[float, BeforeValidator(_percent), WithJsonSchema({"type": "string", "format": "percent"})]
Resolved = Annotated[str, BeforeValidator(resolve), WithJsonSchema({"type": "string", "format": "reference"})]

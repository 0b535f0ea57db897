"""OTLP in its JSON form: hex ids, lowerCamelCase, numbers also as strings, unknown fields ignored.

A record (log record, span, metric) that cannot be read is left out and counted; a fault anywhere else refuses the
request.
"""

import base64
import binascii
from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

RECORDS = frozenset({"log_records", "spans", "metrics"})
_SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_ENUMS: dict[str, dict[str, int]] = {
    "severity_number": {"SEVERITY_NUMBER_UNSPECIFIED": 0}
    | {
        f"SEVERITY_NUMBER_{name}{step or ''}": 4 * level + max(step, 1)
        for level, name in enumerate(_SEVERITIES)
        for step in (0, 2, 3, 4)
    },
    "kind": {
        f"SPAN_KIND_{name}": number
        for number, name in enumerate(("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"))
    },
    "code": {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2},
    "aggregation_temporality": {
        f"AGGREGATION_TEMPORALITY_{name}": number for number, name in enumerate(("UNSPECIFIED", "DELTA", "CUMULATIVE"))
    },
}
_INTEGERS = {
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_SINT32,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
}
_FLOATS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


class JsonError(ValueError):
    """A value has the wrong shape; the message names the field and what was found."""


def fill(message: Any, data: object, rejected: Callable[[str], None], depth: int = 0) -> None:
    """Set the fields of `message` from decoded JSON. `rejected` is told why a record was left out.

    Raises JsonError when something outside a record cannot be read.
    """
    if not isinstance(data, dict):
        raise JsonError(f"an object is expected for {message.DESCRIPTOR.name}, not {_shown(data)}")
    if depth > 90:
        raise JsonError("values are nested deeper than 90 levels")
    fields = _fields(message.DESCRIPTOR)
    for name, value in data.items():
        field = fields.get(name)
        if field is None or value is None:
            continue
        if field.is_repeated:
            _fill_list(message, field, value, rejected, depth)
        elif field.message_type is not None:
            part = getattr(message, field.name)
            part.SetInParent()
            fill(part, value, rejected, depth + 1)
        else:
            _set(message, field, _scalar(field, value))


@cache
def _fields(descriptor: Descriptor) -> dict[str, FieldDescriptor]:
    """Fields by the name that JSON uses, and by their plain name. Ours are not among them."""
    known: dict[str, FieldDescriptor] = {}
    for field in descriptor.fields:
        if not field.name.startswith("golive_") and field.name != "never":
            known[field.name] = known[_camel(field.name)] = field
    return known


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _fill_list(
    message: Any, field: FieldDescriptor, value: object, rejected: Callable[[str], None], depth: int
) -> None:
    if not isinstance(value, list):
        raise JsonError(f"a list is expected for {_camel(field.name)}, not {_shown(value)}")
    items = getattr(message, field.name)
    if field.message_type is None:
        items.extend([_scalar(field, item) for item in value])
        return
    for item in value:
        part = items.add()
        if field.name not in RECORDS:
            fill(part, item, rejected, depth + 1)
            continue
        try:
            fill(part, item, rejected, depth + 1)
        except JsonError as error:
            del items[-1]
            rejected(str(error))


def _set(message: Any, field: FieldDescriptor, value: object) -> None:
    try:
        setattr(message, field.name, value)
    except (ValueError, TypeError) as error:
        raise JsonError(f"{_camel(field.name)}: {error}") from error


def _scalar(field: FieldDescriptor, value: object) -> object:
    name = _camel(field.name)
    if field.type == FieldDescriptor.TYPE_STRING:
        if isinstance(value, str):
            return value
    elif field.type == FieldDescriptor.TYPE_BOOL:
        if isinstance(value, bool):
            return value
    elif field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(field, name, value)
    elif field.type in _INTEGERS:
        return _integer(field, name, value)
    elif isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return _FLOATS[value] if isinstance(value, str) and value in _FLOATS else float(value)
        except ValueError:
            pass
    raise JsonError(f"{name}: {_shown(value)} is not accepted here")


def _bytes(field: FieldDescriptor, name: str, value: object) -> bytes:
    """Ids are hex; every other binary value is base64."""
    if not isinstance(value, str):
        raise JsonError(f"{name}: text is expected, not {_shown(value)}")
    try:
        return bytes.fromhex(value) if field.name.endswith("_id") else base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        raise JsonError(f"{name}: {_shown(value)} is not {'hex' if field.name.endswith('_id') else 'base64'}") from None


def _integer(field: FieldDescriptor, name: str, value: object) -> int:
    if isinstance(value, str) and (number := _ENUMS.get(field.name, {}).get(value)) is not None:
        return number
    if isinstance(value, bool):
        raise JsonError(f"{name}: a number is expected, not {_shown(value)}")
    try:
        if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
            return int(value)
        if isinstance(value, str) and len(value) <= 24:
            return int(value)
    except (ValueError, OverflowError):
        pass
    raise JsonError(f"{name}: {_shown(value)} is not a whole number")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

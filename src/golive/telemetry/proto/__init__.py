"""Message classes of `otlp.proto`, built when first imported; no compiler is needed.

The reader below knows what that file uses: messages, oneofs, optional, repeated and required fields, `packed`. The
descriptors are of edition 2023, which is proto2 with text checked to be UTF-8, as OTLP's own proto3 has it.
"""

import re
from functools import cache
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    EDITION_2023,
    DescriptorProto,
    FeatureSet,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

PATH = Path(__file__).with_name("otlp.proto")
PACKAGE = "golive.otlp"
_LINE = re.compile(
    r"message (?P<message>\w+) \{"
    r"|oneof (?P<oneof>\w+) \{"
    r"|(?:(?P<label>optional|repeated|required) )?(?P<type>\w+) (?P<name>\w+) = (?P<number>\d+)"
    r"(?P<packed> \[packed = true\])?;"
    r"|(?P<end>\})"
)


@cache
def text() -> str:
    """The schema as the engine wants it in `format_schema`: without comments."""
    return re.sub(r"(?m)^//.*\n", "", PATH.read_text())


@cache
def message_class(name: str) -> type[Message]:
    """The class of a message of `otlp.proto`."""
    return GetMessageClass(_pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))


@cache
def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    pool.Add(_file(text()))
    return pool


def _file(source: str) -> FileDescriptorProto:
    file = FileDescriptorProto(name="golive/otlp.proto", package=PACKAGE, syntax="editions", edition=EDITION_2023)
    message, oneof = DescriptorProto(), False
    for line in filter(None, map(str.strip, source.splitlines())):
        if line.startswith(("syntax", "package")):
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise ValueError(f"otlp.proto: cannot read the line {line!r}")
        if found["message"]:
            message = file.message_type.add(name=found["message"])
        elif found["oneof"]:
            message.oneof_decl.add(name=found["oneof"])
            oneof = True
        elif found["end"]:
            oneof = False
        else:
            _add_field(message, found, in_oneof=oneof)
    return file


def _add_field(message: DescriptorProto, found: re.Match[str], *, in_oneof: bool) -> None:
    field = message.field.add(name=found["name"], number=int(found["number"]))
    repeated = found["label"] == "repeated"
    field.label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
    if found["label"] == "required":
        field.options.features.field_presence = FeatureSet.LEGACY_REQUIRED
    kind = f"TYPE_{found['type'].upper()}"
    if kind in FieldDescriptorProto.Type.keys():  # noqa: SIM118 - an enum wrapper is no mapping
        field.type = FieldDescriptorProto.Type.Value(kind)
    else:
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{found['type']}"
    if in_oneof:
        field.oneof_index = len(message.oneof_decl) - 1

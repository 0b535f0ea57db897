"""Message classes of `otlp.proto`, built when first imported; no compiler is needed.

The reader below knows what that file uses: messages, oneofs, optional, repeated and required fields, `packed`.
"""

import re
from functools import cache
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

PATH = Path(__file__).with_name("otlp.proto")
PACKAGE = "golive.otlp"
_LABELS = {
    "optional": FieldDescriptorProto.LABEL_OPTIONAL,
    "repeated": FieldDescriptorProto.LABEL_REPEATED,
    "required": FieldDescriptorProto.LABEL_REQUIRED,
}
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
    file = FileDescriptorProto(name="golive/otlp.proto", package=PACKAGE, syntax="proto2")
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
    field.label = _LABELS[found["label"] or "optional"]
    kind = f"TYPE_{found['type'].upper()}"
    if kind in FieldDescriptorProto.Type.keys():  # noqa: SIM118 - an enum wrapper is no mapping
        field.type = FieldDescriptorProto.Type.Value(kind)
    else:
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{found['type']}"
    if in_oneof:
        field.oneof_index = len(message.oneof_decl) - 1
    if found["packed"]:
        field.options.packed = True

"""What a request to ClickHouse's HTTP interface asks for, and the errors it can be answered with."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from golive.telemetry.accounts import Right
from golive.telemetry.engine import Query
from golive.telemetry.limits import reader_settings, writer_settings

# Errors whose HTTP status is not 500, as in ClickHouse's own server. Clients retry 503 only.
_STATUS = (
    dict.fromkeys(
        (6, 26, 27, 36, 38, 41, 42, 43, 44, 46, 47, 50, 53, 62, 63, 69, 72, 73, 115, 117, 130, 386, 456, 457), 400
    )
    | dict.fromkeys((16, 60, 81), 404)
    | {159: 408, 164: 403, 193: 403, 194: 401, 202: 503, 210: 499, 229: 413, 452: 403, 497: 403, 516: 403, 48: 501}
)
_RESERVED = frozenset({"query", "user", "password", "database", "default_format", "query_id", "compress", "decompress"})
_FORMAT = re.compile(r"\w{1,64}")


class Refusal(Exception):
    """A request answered with an error: ClickHouse's code, the text and the HTTP status."""

    def __init__(self, code: int, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text if text.startswith("Code:") else f"Code: {code}. DB::Exception: {text}"
        self.status = status or _STATUS.get(code, 500)


@dataclass(frozen=True)
class Request:
    """The head of a request: method, path, lower-case headers and the URL's parameters."""

    method: str
    path: str
    headers: Mapping[str, str]
    parameters: Mapping[str, str]
    query_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> "Request":
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        text = scope["query_string"].decode("utf-8", "replace")
        try:
            parameters = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=2_000))
        except ValueError:
            raise Refusal(62, "The URL has too many parameters.", 400) from None
        given = re.sub(r"[^\x21-\x7e]", "_", parameters.get("query_id", ""))[:128]
        return cls(scope["method"], scope["path"], headers, parameters, given or str(uuid.uuid4()))

    def right(self, granted: Right) -> Right:
        """GET implies reading, whoever asks."""
        return Right.READ if self.method == "GET" else granted

    def query(self, right: Right) -> Query:
        """What to run, without the statement that the body may bring. Raises Refusal and SettingRefused."""
        if self.parameters.get("compress") == "1" or self.parameters.get("decompress") == "1":
            raise Refusal(48, "The parameters compress and decompress are not supported; use HTTP compression.")
        asked = {n: v for n, v in self.parameters.items() if n not in _RESERVED and not n.startswith("param_")}
        chosen = self.headers.get("x-clickhouse-format") or self.parameters.get("default_format") or "TabSeparated"
        if not _FORMAT.fullmatch(chosen):
            raise Refusal(73, f"Unknown format {chosen!r}.")
        return Query(
            sql=self.parameters.get("query", ""),
            format=chosen,
            parameters=_bound(self.parameters),
            database=self.parameters.get("database") or self.headers.get("x-clickhouse-database") or "default",
            settings=(reader_settings if right is Right.READ else writer_settings)(asked),
            query_id=self.query_id,
        )


def form(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a multipart form, in which clients send long statements and parameters.

    Raises Refusal for a broken form and for files: external tables are not supported.
    """
    head = b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise Refusal(62, "The multipart form cannot be read.", 400)
    fields = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if not name or part.get_filename() is not None:
            raise Refusal(48, "External tables are not supported by the embedded store.")
        content = part.get_payload(decode=True)
        fields[str(name)] = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
    return fields


def _bound(parameters: Mapping[str, str]) -> dict[str, str]:
    return {name[6:]: value for name, value in parameters.items() if name.startswith("param_")}


def with_form(query: Query, fields: Mapping[str, str]) -> Query:
    """The query completed by a form's `query` and `param_` fields."""
    sql = "\n".join(part for part in (query.sql, fields.get("query", "")) if part)
    return replace(query, sql=sql, parameters={**(query.parameters or {}), **_bound(fields)})

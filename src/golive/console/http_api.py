"""The HTTP API's manners: one shape for every error, a strict body parser, limits, an honest OpenAPI document."""

import logging
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from ninja.parser import Parser
from ninja.throttling import AuthRateThrottle

log = logging.getLogger(__name__)

CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    422: "invalid",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}

ERROR_SCHEMA = {
    "title": "Error",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "A word for programs, such as not_found."},
                "message": {"type": "string", "description": "What is wrong and what to do, for people."},
                "details": {
                    "type": "array",
                    "description": "With code invalid: each field that was refused.",
                    "items": {
                        "type": "object",
                        "properties": {"where": {"type": "string"}, "message": {"type": "string"}},
                    },
                },
            },
        }
    },
}


def error(status: int, message: str, details: list[dict[str, str]] | None = None) -> HttpResponse:
    """An error answer: {"error": {"code", "message", "details"?}}."""
    body: dict[str, Any] = {"code": CODES.get(status, f"http_{status}"), "message": message}
    if details:
        body["details"] = details
    answer = HttpResponse(orjson.dumps({"error": body}), status=status, content_type="application/json")
    if status == 401:
        answer["WWW-Authenticate"] = "Bearer"
    return answer


class StrictParser(Parser):
    """Reads JSON that can be stored: no lone surrogates (orjson refuses them), no NUL characters, objects only."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        body = request.body
        if b"\\u0000" in body:
            raise ValueError("NUL characters cannot be stored")
        found = orjson.loads(body)
        if not isinstance(found, dict):
            raise TypeError("the body must be a JSON object")
        return found


class Api(NinjaAPI):
    """NinjaAPI with golive's manners."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parser=StrictParser(), throttle=[AuthRateThrottle("1200/m")], **options)
        self.add_exception_handler(Exception, _broken)
        self.add_exception_handler(Http404, lambda request, exc: error(404, str(exc) or "There is no such thing here."))
        self.add_exception_handler(HttpError, _refused)
        self.add_exception_handler(AuthenticationError, _unauthenticated)
        self.add_exception_handler(PermissionDenied, lambda request, exc: error(403, str(exc) or "Not allowed."))
        self.add_exception_handler(ValidationError, _invalid)

    def get_openapi_schema(self, **options: Any) -> Any:
        """The document, with the error answer on every operation."""
        schema = super().get_openapi_schema(**options)
        schema.setdefault("components", {}).setdefault("schemas", {})["Error"] = ERROR_SCHEMA
        answer = {
            "description": "An error",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for methods in schema["paths"].values():
            for operation in methods.values():
                if isinstance(operation, dict) and "responses" in operation:
                    operation["responses"].setdefault("default", answer)
        return schema


def _refused(request: HttpRequest, exc: Exception | type[Exception]) -> HttpResponse:
    status = exc.status_code if isinstance(exc, HttpError) else 400
    message = "Too many requests; wait as long as Retry-After says." if isinstance(exc, Throttled) else str(exc)
    return error(status, message)


def _unauthenticated(request: HttpRequest, exc: Exception | type[Exception]) -> HttpResponse:
    return error(401, "Send a valid API token: Authorization: Bearer glt_…; make one on a project's settings page.")


def _invalid(request: HttpRequest, exc: Exception | type[Exception]) -> HttpResponse:
    found = exc.errors if isinstance(exc, ValidationError) else []
    details = [{"where": ".".join(str(part) for part in one["loc"]), "message": str(one["msg"])} for one in found]
    return error(422, "Some fields were refused.", details)


def _broken(request: HttpRequest, exc: Exception | type[Exception]) -> HttpResponse:
    log.error(
        "the API broke on %s %s", request.method, request.path, exc_info=exc if isinstance(exc, BaseException) else None
    )
    return error(500, "golive failed on this request; it was logged.")

"""HTTP: status, body, headers, certificate."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

import orjson
import re2
from pydantic import BeforeValidator, Field, model_validator

from golive.checks.kind import Asking, DaysLeft, Kind, Probed, Reference, Seen, certificate_trouble
from golive.config.values import Resolved
from golive.kit.durations import format_duration
from golive.kit.outbound import Answer, fetch
from golive.people.secrets import is_reference

MISSING = object()
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = {"host", "content-length", "transfer-encoding", "connection", "traceparent", "sentry-trace", "user-agent"}


def _codes(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Status = Annotated[list[Annotated[int, Field(ge=100, le=599)]], BeforeValidator(_codes), Field(min_length=1)]


class HttpSection(Probed):
    """One HTTP check: is it up, fast enough, and does it say the right thing?"""

    kind: Literal["http"] = "http"
    """"http"; may be left out."""
    url: Resolved
    """What to ask: "https://acme.example/login", or a path such as "/healthz" below `[app] url`."""
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS"] = "GET"
    """The request's method. Choose an address that changes nothing."""
    headers: dict[str, Annotated[str, Field(max_length=4000)]] = {}
    """Headers to send; a value may be a reference such as "secret:api-key"."""
    body: str = Field(default="", max_length=100_000)
    """The body to send."""
    user: str = Field(default="", max_length=200)
    """Log in as this person by HTTP's basic scheme, with `password`."""
    password: Reference = ""
    """A reference to the password of `user`."""
    token: Reference = ""
    """A reference to a token that is sent as `Authorization: Bearer`."""
    redirects: bool | None = None
    """Whether redirects are followed; they are, unless `status` expects one."""
    verify: bool = True
    """Whether the certificate must be valid. False accepts any."""
    status: Status = [200]
    """The status code expected, or a list of those accepted."""
    contains: str = Field(default="", max_length=1000)
    """A text that the body must contain (within its first MiB)."""
    matches: str = Field(default="", max_length=1000)
    """A regular expression (RE2) that must match somewhere in the body."""
    json_values: dict[str, str | bool | int | float] = Field(default={}, alias="json")
    """Values that the JSON of the body must have, by path: `json = { "status" = "ok", "queues[0].size" = 0 }`."""
    answer_headers: dict[str, str] = {}
    """Headers that the answer must have, each with a text that it must contain."""
    certificate_days: DaysLeft | None = None
    """How many days the certificate must still be valid."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.url.startswith(("http://", "https://", "/")):
            raise ValueError(f'url {self.url!r} begins with neither "http://", "https://" nor "/"')
        if bool(self.user) != bool(self.password) or (self.user and self.token):
            raise ValueError("logging in takes user and password together, or token alone")
        for name, value in self.headers.items():
            if not _HEADER.fullmatch(name) or name.lower() in _OURS or "\n" in value or "\r" in value:
                raise ValueError(f"the header {name!r} cannot be sent")
        for path in self.json_values:
            steps(path)
        if self.matches:
            try:
                re2.compile(self.matches)
            except re2.error as error:
                raise ValueError(f"matches is not a regular expression of RE2: {error}") from error
        return self

    def references(self) -> dict[str, str]:
        given = {"password": self.password, "token": self.token}
        given |= {f"headers.{name}": value for name, value in self.headers.items() if is_reference(value)}
        return {name: reference for name, reference in given.items() if reference}

    def asked(self) -> str:
        return f"{self.method} {self.url}"


async def ask(wanted: HttpSection, asking: Asking) -> Seen:
    """One request, its redirects, and what the answer is worth."""
    secrets = asking.secrets
    headers = {name: secrets.get(f"headers.{name}", value) for name, value in wanted.headers.items()}
    if wanted.token:
        headers["authorization"] = f"Bearer {secrets['token']}"
    follow = wanted.redirects if wanted.redirects is not None else not any(300 <= c < 400 for c in wanted.status)
    answer = await fetch(
        asking.url,
        method=wanted.method,
        headers={**headers, **asking.headers},
        content=wanted.body.encode(),
        basic=(wanted.user, secrets["password"]) if wanted.user else None,
        limits=asking.limits.with_redirects(5 if follow else 0),
        policy=asking.policy,
        verify=wanted.verify,
        private=wanted.headers,
    )
    trouble = judge(wanted, answer, asking.at)
    took = format_duration(timedelta(milliseconds=answer.phases.total_ms))
    return Seen(trouble is None, trouble or f"answered {answer.status} in {took}", answer.phases, answer.status)


def judge(wanted: HttpSection, answer: Answer, at: datetime) -> str | None:
    """Why an answer is not what the check expects; None when it is."""
    if answer.status not in wanted.status:
        return f"answered {answer.status}, not {' or '.join(str(code) for code in wanted.status)}"
    where = "the first MiB of the body" if answer.truncated else "the body"
    if wanted.contains and wanted.contains.encode() not in answer.body:
        return f"{where} does not contain {wanted.contains[:80]!r}"
    if wanted.matches and not re2.search(wanted.matches, answer.body.decode("utf-8", "replace")):
        return f"{where} does not match {wanted.matches[:80]!r}"
    for name, text in wanted.answer_headers.items():
        given = answer.header(name)
        if given is None or text not in given:
            return f"the header {name} is {'missing' if given is None else repr(given[:80])}, not {text[:80]!r}"
    if wanted.certificate_days is not None:
        expiring = certificate_trouble(answer.certificate_until, wanted.certificate_days, at)
        if expiring:
            return expiring
    return _json_trouble(wanted, answer) if wanted.json_values else None


def _json_trouble(wanted: HttpSection, answer: Answer) -> str | None:
    try:
        data = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return "the body is longer than 1 MiB" if answer.truncated else "the body is not JSON"
    for path, value in wanted.json_values.items():
        given = at_path(data, path)
        if given is MISSING:
            return f"its JSON has no {path}"
        if given != value or isinstance(given, bool) is not isinstance(value, bool):
            return f"{path} is {orjson.dumps(given).decode()[:80]}, not {orjson.dumps(value).decode()[:80]}"
    return None


def steps(path: str) -> list[str | int]:
    """The steps of a path such as "queues[0].size". Raises ValueError."""
    found: list[str | int] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or (match[0].startswith(".") and at == 0):
            break
        found.append(match[1] if match[1] is not None else int(match[2]))
        at = match.end()
    if not found or at < len(path):
        raise ValueError(f'{path!r} is not a path into JSON; write it like "queues[0].size"')
    return found


def at_path(data: Any, path: str) -> Any:
    """What stands at a path of parsed JSON, or MISSING."""
    for step in steps(path):
        if isinstance(step, int):
            found = data[step] if isinstance(data, list) and step < len(data) else MISSING
        else:
            found = data.get(step, MISSING) if isinstance(data, dict) else MISSING
        if found is MISSING:
            return MISSING
        data = found
    return data


KIND = Kind("http", HttpSection, ask, ("http", "https"))

"""What secrets look like: formats that providers document, and assignments whose value is too random to be a word.

One pass of RE2 over a whole blob finds candidates; each is then judged for placeholders and entropy.
"""

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import re2

MOST_CHARACTERS = 2_000_000


@dataclass(frozen=True)
class Rule:
    """A format; `entropy` is the least bits per character of the secret, group 1 of the pattern if it has one."""

    name: str
    pattern: str
    entropy: float = 0.0


RULES = (
    Rule(
        "private key",  # with its beginning, so that the words alone are no hit
        r"-----BEGIN (?:RSA |EC |DSA |OPENSSH |ENCRYPTED |PGP )?PRIVATE KEY(?: BLOCK)?-----(?:\\n|\s)*([\w+/=]{16,})",
    ),
    Rule("AWS access key", r"\b((?:AKIA|ASIA)[A-Z2-7]{16})\b", 2.5),
    Rule("AWS secret key", r"(?i)aws.{0,20}secret.{0,20}[=:]\s*[\"']?([A-Za-z0-9/+]{40})\b", 4.0),
    Rule("GitHub token", r"\b(gh[pousr]_[A-Za-z0-9]{36,255})\b", 3.0),
    Rule("GitHub fine-grained token", r"\b(github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b", 3.0),
    Rule("GitLab token", r"\b(glpat-[A-Za-z0-9_-]{20,})\b", 3.0),
    Rule("Stripe key", r"\b((?:sk|rk)_(?:live|test)_[A-Za-z0-9]{24,247})\b", 3.0),
    Rule("Stripe webhook secret", r"\b(whsec_[A-Za-z0-9+/=]{32,})", 3.5),
    Rule("Slack token", r"\b(xox[abprs]-[A-Za-z0-9-]{20,})\b", 3.0),
    Rule("Slack webhook", r"(https://hooks\.slack\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{20,})", 3.0),
    Rule("Google API key", r"\b(AIza[A-Za-z0-9_-]{35})\b", 3.0),
    Rule("OpenAI key", r"\b(sk-(?:proj-)?[A-Za-z0-9_-]{32,})\b", 3.5),
    Rule("Anthropic key", r"\b(sk-ant-[A-Za-z0-9_-]{32,})\b", 3.5),
    Rule("SendGrid key", r"\b(SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})\b", 3.5),
    Rule("Twilio key", r"\b(SK[0-9a-f]{32})\b", 3.0),
    Rule("Mailgun key", r"\b(key-[0-9a-f]{32})\b", 3.0),
    Rule("npm token", r"\b(npm_[A-Za-z0-9]{36})\b", 3.0),
    Rule("PyPI token", r"\b(pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,})", 3.0),
    Rule("DigitalOcean token", r"\b(do[por]_v1_[0-9a-f]{64})\b", 3.0),
    Rule("Sentry auth token", r"\b(sntrys_[A-Za-z0-9+/=_]{40,})", 3.5),
    Rule("JSON web token", r"\b(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,})\b", 3.5),
    Rule(
        "password in a URL",
        r"\b[a-z][a-z0-9+.-]{2,15}://[^\s:/@\"'<>{}$%]{1,60}:([^\s/@\"'<>{}$%]{6,100})@[A-Za-z0-9.\[-]",
        2.5,
    ),
    Rule("golive token", r"\b(gl[itp]_[A-Za-z0-9_-]{24,})\b", 3.5),
    Rule(
        "assigned secret",
        r"(?i)(?:secret|passw(?:or)?d|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[a-z0-9_-]{0,20}[\"']?\s*(?:=|:|=>|:=)\s*[\"']([A-Za-z0-9+/=_.!@#$%^&*~-]{12,200})[\"']",
        3.2,
    ),
    Rule(
        "assigned secret",
        r"(?m)^\s*(?:export\s+)?[A-Z][A-Z0-9_]{0,40}(?:SECRET|PASSWORD|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY)[A-Z0-9_]{0,20}\s*=\s*([A-Za-z0-9+/=_.!@#%^&*~-]{16,200})\s*$",
        3.4,
    ),
)  # fmt: skip
_WORDS = re.compile(r"(?i)pass(?:wor[dt]|phrase)?|secret|pwd|user(?:name)?|postgres|admin|token|root|key|changeme")
_ENCODED = re2.compile(r"[A-Za-z0-9+/]{28,}={0,2}")
_COMPILED = [(rule, re2.compile(rule.pattern)) for rule in RULES]
_ANY = re2.Set.SearchSet()  # tells in one pass which rules can match at all: for most texts none
for _rule in RULES:
    _ANY.Add(_rule.pattern)
_ANY.Compile()
_PLACEHOLDER = re.compile(
    r"(?i)example|sample|dummy|placeholder|changeme|change-me|your[_-]|redacted|<[^>]*>|\$\{|\{\{|%\(|xxxx|\*\*\*\*|"
    r"0123456789|1234567890|abcdefgh|test_?(?:key|token|secret)|not[_-]?(?:a|the)[_-]|fake|insecure|foobar|lorem"
)
_REFERENCE = re.compile(
    r"^(?:env|file|secret|os|process|settings|config|self|request|data)[:.]|\(|^[a-z]+(?:[._-][a-z]+)+$"
)


@dataclass(frozen=True)
class Hit:
    """A secret's rule, line, and the salted print by which it is recognised again; its value is never shown."""

    rule: str
    line: int
    fingerprint: str
    encoded: bool = False
    secret: str = field(default="", repr=False, compare=False)

    @property
    def named(self) -> str:
        """The rule with its article: "an AWS access key"."""
        first = self.rule.split()[0]
        return f"{'an' if first[0] in 'aAO' or first in ('npm',) else 'a'} {self.rule}"


def entropy(text: str) -> float:
    """Shannon's entropy in bits per character."""
    counts, length = Counter(text).values(), len(text)
    return -sum(count / length * math.log2(count / length) for count in counts) if length else 0.0


def fingerprint(secret: str) -> str:
    return sha256(b"golive secret print:" + secret.encode()).hexdigest()[:16]


def scan(text: str, *, decode: bool = True) -> Iterator[Hit]:
    """All secrets of a text, each once a line. Base64 is opened once, so that an encoded secret is one too."""
    text = text[:MOST_CHARACTERS]
    seen: set[tuple[int, str]] = set()
    spans: list[tuple[int, int]] = []
    for rule, pattern in (_COMPILED[index] for index in sorted(_ANY.Match(text) or ())):
        for found in pattern.finditer(text):
            start, end = found.span(1)
            secret = found.group(1)
            if any(start < other_end and end > other_start for other_start, other_end in spans):
                continue
            if not believable(rule, secret):
                continue
            spans.append((start, end))
            line = text.count("\n", 0, start) + 1
            if (line, secret) not in seen:
                seen.add((line, secret))
                yield Hit(rule.name, line, fingerprint(secret), secret=secret)
    if decode:
        yield from _encoded(text, spans)


def scan_for(text: str, known: Mapping[str, str]) -> Iterator[Hit]:
    """`scan`, and the values of secrets that are known by name, whatever they look like."""
    seen = set()
    for hit in scan(text):
        seen.add(hit.fingerprint)
        yield hit
    for name, value in known.items():
        place = text.find(value)
        if place >= 0 and (mark := fingerprint(value)) not in seen:
            yield Hit(f"value of {name}", text.count("\n", 0, place) + 1, mark, secret=value)


def looks_made_up(value: str) -> bool:
    """Whether a value is a placeholder that nobody replaced."""
    return bool(_PLACEHOLDER.search(value) or _WORDS.fullmatch(value)) or len(set(value)) < 6


def _encoded(text: str, spans: list[tuple[int, int]]) -> Iterator[Hit]:
    for found in _ENCODED.finditer(text):
        start, end = found.span(0)
        if any(start < other_end and end > other_start for other_start, other_end in spans):
            continue
        body = found.group(0)
        try:
            inner = base64.b64decode(body + "=" * (-len(body) % 4), validate=True).decode("ascii")
        except (binascii.Error, ValueError, UnicodeDecodeError):
            continue
        if not inner.isprintable() and "\n" not in inner:
            continue
        for hit in scan(inner, decode=False):
            yield Hit(hit.rule, text.count("\n", 0, start) + 1, hit.fingerprint, True, hit.secret)


def believable(rule: Rule, secret: str) -> bool:
    """Whether a candidate is a secret and not a placeholder, a reference or a word."""
    if rule.name == "private key":
        return len(secret) >= 16
    if _PLACEHOLDER.search(secret) or len(set(secret)) < 6:
        return False
    if rule.name in ("assigned secret", "password in a URL"):
        if _REFERENCE.search(secret) or _WORDS.fullmatch(secret):
            return False
        kinds = sum(any(test(c) for c in secret) for test in (str.islower, str.isupper, str.isdigit))
        if rule.name == "assigned secret" and kinds < 2:
            return False
    return entropy(secret) >= rule.entropy

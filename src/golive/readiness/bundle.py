"""The evidence bundle: proofs chained by hash and signed with this install's key, to be checked without golive's data.

`golive check verify FILE` recomputes every hash, the signature, and every verdict from the evidence itself.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from golive import __version__
from golive.kit.folders import kept_secret
from golive.readiness.records import ORIGIN
from golive.readiness.runner import canonical, digest
from golive.readiness.verdict import Conclusion, Control, Doubt, Finding, Report, Verdict, conclude

FORMAT = "golive-evidence/1"


def _key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(kept_secret("evidence"))[:32])


def _raw(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def fingerprint(public: bytes) -> str:
    """How people compare keys."""
    return sha256(public).hexdigest()[:32]


def own_fingerprint() -> str:
    """The fingerprint of the key with which this install signs."""
    return fingerprint(_raw(_key().public_key()))


def make(project: str, documents: Sequence[Mapping[str, Any]], at: datetime) -> bytes:
    """A bundle of these proofs, in their order."""
    key, entries, previous = _key(), [], ORIGIN
    for document in documents:
        current = digest(previous, document)
        entries.append({"previous": previous, "digest": current, "proof": document})
        previous = current
    head = {
        "format": FORMAT,
        "project": project,
        "made_at": at.isoformat(),
        "golive": __version__,
        "public_key": base64.b64encode(_raw(key.public_key())).decode(),
        "proofs": len(entries),
        "last": previous,
    }
    signature = base64.b64encode(key.sign(canonical(head))).decode()
    return orjson.dumps({**head, "signature": signature, "entries": entries}, option=orjson.OPT_INDENT_2)


@dataclass(frozen=True)
class Verified:
    """What a bundle proves: `problems` is empty when it is whole; `verdicts` are those in it, by item."""

    problems: list[str]
    key: str
    made_at: str
    project: str
    verdicts: dict[str, str]
    expired: list[str]


def verify(file: Path, now: datetime) -> Verified:
    """Check a bundle again, offline. Raises ValueError when it is no bundle at all."""
    try:
        bundle = orjson.loads(file.read_bytes())
        head = {
            name: bundle[name] for name in ("format", "project", "made_at", "golive", "public_key", "proofs", "last")
        }
        entries, signature = bundle["entries"], base64.b64decode(bundle["signature"])
        public = base64.b64decode(head["public_key"])
        key = Ed25519PublicKey.from_public_bytes(public)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is not an evidence bundle ({type(error).__name__})") from error
    problems = [] if head["format"] == FORMAT else [f"its format is {head['format']!r}, not {FORMAT}"]
    try:
        key.verify(signature, canonical(head))
    except InvalidSignature:
        problems.append("its signature does not fit its head")
    previous, verdicts, expired = ORIGIN, {}, []
    for number, entry in enumerate(entries, 1):
        proof = entry["proof"]
        name = proof.get("item", "?")
        if entry["previous"] != previous:
            problems.append(f"proof {number} ({name}) does not follow the one before it")
        if digest(entry["previous"], proof) != entry["digest"]:
            problems.append(f"proof {number} ({name}) was altered")
        said = recomputed(proof)
        if said.verdict != proof["verdict"]:
            problems.append(f"proof {number} ({name}) says {proof['verdict']}, its evidence says {said.verdict}")
        if datetime.fromisoformat(proof["expires_at"]) <= now:
            expired.append(name)
        verdicts[name] = proof["verdict"]
        previous = entry["digest"]
    if previous != head["last"] or len(entries) != head["proofs"]:
        problems.append("proofs are missing at its end, or were added")
    return Verified(problems, fingerprint(public), head["made_at"], head["project"], verdicts, expired)


def recomputed(proof: Mapping[str, Any]) -> Conclusion:
    """The verdict that a proof's own evidence leads to."""
    report = Report(
        examined=proof["examined"],
        expected=proof["expected"],
        findings=[Finding(**finding) for finding in proof["findings"]],
        doubts=[Doubt(**doubt) for doubt in proof["doubts"]],
    )
    faults = [control["fault"] for control in proof["controls"] if control["fault"]]
    if faults:
        return Conclusion(Verdict.UNKNOWN, f"void: {faults[0]}")
    kinds = {control["bad"] for control in proof["controls"]}
    stand_ins = [Control("recorded", bad, _as_recorded(bad)) for bad in kinds]
    return conclude(report, stand_ins, proof["waived"])


def _as_recorded(bad: bool) -> Report:
    report = Report(examined=1, expected=1)
    if bad:
        report.convict("control", "as recorded")
    return report

"""Known vulnerabilities of packages, as OSV has them: over its API, or from a snapshot on disk whose age counts."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from golive.readiness.asking import Ask, Site
from golive.readiness.locks import Package
from golive.readiness.verdict import CannotTell

_BATCH = 500
LEVELS = ("none", "low", "medium", "high", "critical")


@dataclass(frozen=True)
class Advisory:
    """One vulnerability of one package; `severity` is empty when nobody has rated it."""

    ident: str
    package: Package
    severity: str
    summary: str
    fixed: str = ""


def ask(site: Site, packages: Sequence[Package]) -> list[Advisory]:
    """What OSV's API knows. Raises CannotTell when it does not answer as OSV does."""
    found: list[tuple[str, Package]] = []
    for first in range(0, len(packages), _BATCH):
        some = packages[first : first + _BATCH]
        queries = [{"package": {"ecosystem": p.ecosystem, "name": p.name}, "version": p.version} for p in some]
        body = json.dumps({"queries": queries}).encode()
        answer = site.ask(Ask("/v1/querybatch", "POST", {"Content-Type": "application/json"}, body))
        results = _json(answer.body if answer and answer.status == 200 else b"", "querybatch").get("results")
        if not isinstance(results, list) or len(results) != len(some):
            raise CannotTell("advisories", f"{site.origin} answered for another number of packages", "try again later")
        for package, result in zip(some, results, strict=True):
            if (result or {}).get("next_page_token"):
                raise CannotTell("advisories", f"{site.origin} has more advisories of {package.name} than it told")
            found += [(one["id"], package) for one in (result or {}).get("vulns", [])]
    idents = sorted({ident for ident, _ in found})
    answers = site.all([Ask(f"/v1/vulns/{ident}") for ident in idents])
    known = {
        ident: _json(answer.body if answer and answer.status == 200 else b"", ident)
        for ident, answer in zip(idents, answers, strict=True)
    }
    return [advisory(known[ident], package) for ident, package in found]


def rated(site: Site, found: Sequence[Advisory]) -> list[Advisory]:
    """Advisories with the severity that OSV has of them, where they came without one."""
    unrated = [one for one in found if not one.severity]
    answers = dict(zip(unrated, site.all([Ask(f"/v1/vulns/{one.ident}") for one in unrated]), strict=True))
    whole = []
    for one in found:
        answer = answers.get(one)
        record = _json(answer.body, one.ident) if answer is not None and answer.status == 200 else {}
        whole.append(replace(one, severity=severity(record)) if record else one)
    return whole


def _json(body: bytes, what: str) -> Mapping[str, Any]:
    try:
        given = json.loads(body)
    except ValueError as error:
        raise CannotTell(
            "advisories", f"advisories could not be asked ({what})", "set [readiness.dependencies] snapshot"
        ) from error
    return given if isinstance(given, dict) else {}


def from_snapshot(folder: Path, packages: Sequence[Package]) -> tuple[list[Advisory], datetime | None]:
    """What a folder of OSV records (one JSON file each) knows, and when its newest was modified."""
    by_name: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    newest = None
    for file in folder.rglob("*.json"):
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            at = datetime.fromisoformat(str(record["modified"]).replace("Z", "+00:00"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CannotTell("snapshot", f"{file.name} is no OSV record: {error}") from error
        newest = max(newest, at) if newest else at
        for affected in record.get("affected", []):
            package = affected.get("package", {})
            by_name.setdefault((package.get("ecosystem", ""), package.get("name", "")), []).append(record)
    found = [
        advisory(record, package)
        for package in packages
        for record in by_name.get((package.ecosystem, package.name), [])
        if _lists(record, package)
    ]
    return found, newest


def _lists(record: Mapping[str, Any], package: Package) -> bool:
    """Whether a record names this very version: snapshots list versions for PyPI and npm."""
    return any(
        package.version in affected.get("versions", [])
        for affected in record.get("affected", [])
        if affected.get("package", {}).get("name") == package.name
    )


def advisory(record: Mapping[str, Any], package: Package) -> Advisory:
    fixed = [
        event["fixed"]
        for affected in record.get("affected", [])
        if affected.get("package", {}).get("name", "").lower() == package.name
        for span in affected.get("ranges", [])
        for event in span.get("events", [])
        if "fixed" in event
    ]
    summary = str(record.get("summary") or record.get("details") or "")[:160]
    return Advisory(str(record.get("id", "?")), package, severity(record), summary, fixed[-1] if fixed else "")


def severity(record: Mapping[str, Any]) -> str:
    """The worst rating that a record carries: the database's word, or a CVSS 3 vector computed; empty for none."""
    words = [str((record.get("database_specific") or {}).get("severity") or "").lower().replace("moderate", "medium")]
    for one in record.get("severity", []):
        if str(one.get("type", "")).startswith("CVSS_V3"):
            words.append(level(base_score(str(one.get("score", "")))))
    ranked = [LEVELS.index(word) for word in words if word in LEVELS]
    return LEVELS[max(ranked)] if ranked else ""


def level(score: float | None) -> str:
    """CVSS's words for its scores."""
    if score is None:
        return ""
    return (
        "none" if score == 0 else "low" if score < 4 else "medium" if score < 7 else "high" if score < 9 else "critical"
    )


_WEIGHTS = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
}
_PRIVILEGES = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}


def base_score(vector: str) -> float | None:
    """The base score of a CVSS 3.0 or 3.1 vector (FIRST, specification 3.1, section 7.1); None when it is none."""
    if not re.match(r"CVSS:3\.[01]/", vector):
        return None
    given = dict(part.partition(":")[::2] for part in vector.split("/")[1:])
    try:
        changed = given["S"] == "C"
        impact_part = 1 - math.prod(1 - _WEIGHTS["C"][given[name]] for name in "CIA")
        raised = 7.52 * (impact_part - 0.029) - 3.25 * (impact_part - 0.02) ** 15
        impact = raised if changed else 6.42 * impact_part
        ease = 8.22 * _WEIGHTS["AV"][given["AV"]] * _WEIGHTS["AC"][given["AC"]]
        ease *= _PRIVILEGES[given["S"]][given["PR"]] * _WEIGHTS["UI"][given["UI"]]
    except KeyError:
        return None
    if impact <= 0:
        return 0.0
    return _up(min((1.08 if changed else 1) * (impact + ease), 10))


def _up(value: float) -> float:
    """Rounded up to one decimal as the specification's appendix A says."""
    whole = round(value * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (whole // 10_000 + 1) / 10

"""pip-audit and npm audit beside OSV's API, as programs: run when they are there, not believed for their exit code.

pip-audit ends with 0 when it audited nothing, npm audit with 1 for vulnerabilities and for a lost network alike: what
they print is read, and a program that looked at nothing has proved nothing.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from golive.readiness.advisories import Advisory
from golive.readiness.exchange import hide
from golive.readiness.locks import Package
from golive.readiness.verdict import CannotTell

PATIENCE = timedelta(seconds=100)
_NEXT = "try again later, or set [readiness.dependencies] audits = []"


@dataclass(frozen=True)
class Audited:
    """What one program said: how many packages it looked at, and what it found."""

    program: str
    count: int
    found: Sequence[Advisory]


def installed() -> list[str]:
    """The programs that are here."""
    return [name for name in ("pip-audit", "npm") if shutil.which(name)]


def audit(folder: Path, lock: str, packages: Sequence[Package], programs: Iterable[str], osv: str) -> Audited | None:
    """The program for this lock file; None when there is none. Raises CannotTell when it could not look."""
    if Path(lock).name == "package-lock.json" and "npm" in programs:
        with tempfile.TemporaryDirectory(prefix="golive-npm-") as own:
            _npm_folder(folder / lock, Path(own))
            return npm_audited(_printed(["npm", "audit", "--json", "--package-lock-only"], Path(own)), packages)
    if Path(lock).suffix == ".txt" and "pip-audit" in programs:
        words = ["--requirement", str(folder / lock), "--disable-pip", "--no-deps", "--format", "json"]
        service = ["--vulnerability-service", "osv", "--osv-url", f"{osv.rstrip('/')}/v1/query"]
        line = ["pip-audit", *words, *service, "--progress-spinner", "off"]
        return pip_audited(_printed(line, folder), packages)
    return None


def _npm_folder(lock: Path, folder: Path) -> None:
    """npm wants a package.json beside the lock; the source tree stays as it is."""
    shutil.copy(lock, folder / "package-lock.json")
    beside = lock.with_name("package.json")
    if beside.is_file():
        shutil.copy(beside, folder / "package.json")
    else:
        root = json.loads(lock.read_text()).get("packages", {}).get("", {})
        (folder / "package.json").write_text(json.dumps({"name": "audited", "version": "0.0.0", **root}))


def _printed(line: Sequence[str], folder: Path) -> Any:
    """The JSON that a program prints. Raises CannotTell."""
    try:
        done = subprocess.run(
            list(line),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE.total_seconds(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotTell(line[0], f"{line[0]} did not end: {type(error).__name__}", _NEXT) from error
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        last = hide(done.stderr.strip().rpartition("\n")[2])[:200]
        raise CannotTell(line[0], f"{line[0]} could not look ({done.returncode}): {last}", _NEXT) from error


def pip_audited(printed: Any, packages: Sequence[Package]) -> Audited:
    """pip-audit's JSON; it has no severities, so advisories come out unrated. Raises CannotTell."""
    listed = printed.get("dependencies") if isinstance(printed, dict) else None
    if not isinstance(listed, list):
        raise CannotTell("pip-audit", "pip-audit printed something else", _NEXT)
    known = {(one.name, one.version): one for one in packages if one.ecosystem == "PyPI"}
    found, count = [], 0
    for one in listed:
        if "skip_reason" in one:
            continue
        count += 1
        package = known.get((one["name"].lower(), one["version"])) or Package("PyPI", one["name"], one["version"])
        for told in one.get("vulns", []):
            fixed = (told.get("fix_versions") or [""])[-1]
            found.append(Advisory(str(told["id"]), package, "", str(told.get("description", ""))[:160], fixed))
    if not count:
        raise CannotTell("pip-audit", "pip-audit looked at no package", _NEXT)
    return Audited("pip-audit", count, found)


def npm_audited(printed: Any, packages: Sequence[Package]) -> Audited:
    """npm audit's JSON, which carries severities. Raises CannotTell for a transport error."""
    if not isinstance(printed, dict) or "vulnerabilities" not in printed:
        said = printed if isinstance(printed, dict) else {}
        error = said.get("error")
        summary = error.get("summary") if isinstance(error, dict) else ""
        why = summary or said.get("message") or "it says nothing"
        raise CannotTell("npm", f"npm audit could not look: {hide(str(why))[:160]}", _NEXT)
    known = {one.name: one for one in packages if one.ecosystem == "npm"}
    count = int(printed.get("metadata", {}).get("dependencies", {}).get("total", 0))
    if not count:
        raise CannotTell("npm", "npm audit looked at no package", _NEXT)
    found = []
    for name, one in printed["vulnerabilities"].items():
        package = known.get(name) or Package("npm", name, str(one.get("range", "")))
        for via in one.get("via", []):
            if isinstance(via, dict):  # a name stands for what it depends on, which is listed itself
                found.append(_npm_advisory(via, package, one))
    return Audited("npm", count, found)


def _npm_advisory(via: Mapping[str, Any], package: Package, one: Mapping[str, Any]) -> Advisory:
    ident = str(via.get("url", "")).rpartition("/")[2] or str(via.get("source", "?"))
    level = str(via.get("severity", "")).replace("moderate", "medium")
    fix = one.get("fixAvailable")
    fixed = str(fix.get("version", "")) if isinstance(fix, dict) else ""
    return Advisory(ident, package, level, str(via.get("title", ""))[:160], fixed)


def fresh(known: Sequence[Advisory], more: Iterable[Advisory]) -> list[Advisory]:
    """Those that only a program knows, by package; one without a rating takes that of the same advisory."""
    ratings = {one.ident: one.severity for one in known}
    have = {(one.ident, one.package.name) for one in known}
    return [
        replace(one, severity=one.severity or ratings.get(one.ident, ""))
        for one in more
        if (one.ident, one.package.name) not in have
    ]

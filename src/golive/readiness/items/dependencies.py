"""Dependencies: zero critical vulnerabilities in what is locked, installed and running."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from golive.config.values import Duration, Resolved
from golive.readiness import advisories, audits, locks
from golive.readiness.advisories import Advisory
from golive.readiness.asking import Site
from golive.readiness.inputs import of_source, short
from golive.readiness.item import Area, Item, Subject
from golive.readiness.locks import Package
from golive.readiness.osv import osv
from golive.readiness.planted import planted
from golive.readiness.verdict import CannotTell, Control, Report

_IMPORT = ("import {0}", "from {0} ", "from {0}.", "require('{0}", 'require("{0}', "from '{0}", 'from "{0}')


class DependenciesSettings(BaseModel):
    """Dependencies and where advisories come from."""

    model_config = ConfigDict(extra="forbid")
    locks: list[str] = []
    """Lock files below `source`; default: all that are found there."""
    osv: Resolved = "https://api.osv.dev"
    """Where OSV's API answers."""
    installed: list[str] = []
    """What the release runs with, below `source` or absolute: virtual environments and node_modules."""
    audits: list[Literal["pip-audit", "npm"]] | None = None
    """Programs that are asked as well; default: those that are installed. Not used with a snapshot."""
    snapshot: Resolved = ""
    """A folder of OSV records (one JSON file each) instead of the API, for machines without a way out."""
    snapshot_age: Duration = timedelta(days=7)
    """How old the newest record of the snapshot may be."""
    system: bool = True
    """Also the Debian packages of this machine, where the product runs on it."""


def judge(report: Report, found: list[Advisory], folder: Path | None) -> None:
    """Critical ones convict, unrated ones leave it open, others are on record."""
    counts: dict[str, int] = {}
    for one in found:
        counts[one.severity or "unrated"] = counts.get(one.severity or "unrated", 0) + 1
        subject = f"{one.package.name} {one.package.version} {one.ident}"
        where = one.package.source
        fixed = f"; fixed in {one.fixed}" if one.fixed else "; not fixed yet"
        used = _used(folder, one.package) if folder else ""
        if one.severity == "critical":
            report.convict(subject, f"critical: {one.summary}{fixed}{used} ({where})", f"{where}:1" if folder else "")
        elif not one.severity:
            text = f"{one.package.name} {one.package.version} has an advisory that nobody has rated: {one.summary}"
            report.doubt(subject, text, f"read {one.ident} and waive it, or update {one.package.name}")
    report.facts["advisories by severity"] = counts
    report.facts["advisories"] = [
        {"id": one.ident, "package": one.package.purl, "severity": one.severity or "unrated", "fixed": one.fixed}
        for one in found[:200]
    ]


def _used(folder: Path, package: Package) -> str:
    """Whether the product's own files import the package by its name; a hint, not a proof of either."""
    name = package.name.replace("-", "_") if package.ecosystem == "PyPI" else package.name
    words = tuple(pattern.format(name) for pattern in _IMPORT)
    for file in folder.rglob("*.py" if package.ecosystem == "PyPI" else "*.[jt]s*"):
        if not {".venv", "node_modules", ".git"} & set(file.parts) and file.stat().st_size < 500_000:
            text = file.read_text(encoding="utf-8", errors="replace")
            if any(word in text for word in words):
                return f"; imported by {file.relative_to(folder)}"
    return "; no import of it was found in the source"


def listed(folder: Path, names: list[str], *, system: bool) -> tuple[list[Package], Report]:
    """All packages, with lock files that pin nothing as doubts."""
    report, packages = Report(), []
    for name, some in locks.read(folder, names or locks.found(folder)).items():
        report.expected += 1
        if some:
            report.examined += 1
            packages += some
        else:
            report.doubt(name, f"{name} pins no exact version, so nothing can be looked up", "lock the versions")
    if system:
        packages += locks.system_packages()
    if not report.expected:
        raise CannotTell("locks", "no lock file was found", "lock the versions (uv pip compile, npm install)")
    return packages, report


def examine_packages(site: Site, folder: Path, names: list[str], *, system: bool = False) -> Report:
    packages, report = listed(folder, names, system=system)
    judge(report, advisories.ask(site, packages), folder)
    report.facts["packages"] = len(packages)
    return report


def examine(subject: Subject) -> Report:
    wanted = subject.settings("dependencies", DependenciesSettings)
    folder = subject.folder()
    packages, report = listed(folder, wanted.locks, system=wanted.system)
    for where in wanted.installed:
        report.expected += 1
        running = locks.installed(folder / where)
        if running:
            report.examined += 1
            packages += running
            report.facts[f"running from {where}"] = f"{len(running)} packages"
        else:
            report.doubt(where, f"{where} holds no installed package", "set [readiness.dependencies] installed")
    if wanted.snapshot:
        found, newest = advisories.from_snapshot(Path(wanted.snapshot), packages)
        _judge_age(report, newest, wanted.snapshot_age, subject.now)
    else:
        site = Site(wanted.osv, policy=subject.policy)
        found = audited(report, site, folder, packages, wanted.audits, advisories.ask(site, packages))
    judge(report, found, folder)
    report.facts["packages"] = len(packages)
    report.facts["bill of materials (CycloneDX)"] = locks.bill(subject.project, packages, subject.now)
    return report


def audited(
    report: Report,
    site: Site,
    folder: Path,
    packages: Sequence[Package],
    wanted: Sequence[str] | None,
    found: Sequence[Advisory],
) -> list[Advisory]:
    """What pip-audit and npm audit know beside OSV; a program that was asked for and cannot look is a doubt."""
    there, known = audits.installed(), list(found)
    for name in ("pip-audit", "npm"):
        asked = name in (there if wanted is None else wanted)
        report.facts[name] = "asked" if asked else "installed, not asked" if name in there else "not installed"
    for lock in sorted({one.source for one in packages if not one.source.startswith(("dpkg", "installed"))}):
        mine = [one for one in packages if one.source == lock]
        try:
            done = audits.audit(folder, lock, mine, there if wanted is None else wanted, site.url)
        except CannotTell as error:
            report.doubts.append(error.doubt)
            continue
        if done is None:
            continue
        report.facts[f"{done.program} {lock}"] = f"{done.count} packages, {len(done.found)} advisories"
        known += advisories.rated(site, audits.fresh(known, done.found))
    return known


def _judge_age(report: Report, newest: datetime | None, age: timedelta, now: datetime) -> None:
    if newest is None:
        raise CannotTell("snapshot", "the snapshot of advisories is empty", "set [readiness.dependencies] snapshot")
    report.facts["snapshot of"] = newest.isoformat()
    if newest < now - age:
        report.doubt("snapshot", f"the newest advisory of the snapshot is of {newest:%Y-%m-%d}", "fetch it again")


def controls() -> list[Control]:
    vector = {"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]}
    records: dict[str, Mapping[str, object]] = {
        "PyPI planted-word 1.0": {"id": "GOLIVE-1", "database_specific": {"severity": "CRITICAL"}},
        "npm planted-vector 1.0.0": {"id": "GOLIVE-2", **vector},
        "PyPI planted-low 1.0": {"id": "GOLIVE-3", "database_specific": {"severity": "LOW"}},
    }
    node = json.dumps({"packages": {"": {}, "node_modules/planted-vector": {"version": "1.0.0"}}})
    files = {
        "rated critical by a word": (True, "requirements.txt", "planted-word==1.0\n"),
        "rated critical by a vector": (True, "package-lock.json", node),
        "rated low": (False, "requirements.txt", "planted-low==1.0\nplanted-clean==2.0\n"),
    }
    found = []
    for name, (bad, file, text) in files.items():
        with tempfile.TemporaryDirectory(prefix="golive-planted-") as folder:
            (Path(folder) / file).write_text(text)
            found.append(planted(name, bad, osv(records), lambda site: examine_packages(site, Path(folder), [])))
    return found


ITEM = Item(
    key="dependencies",
    order=6,
    area=Area.SECURITY,
    title="No critical vulnerabilities in dependencies",
    question="Is the product built from something with a known hole?",
    examine=examine,
    controls=controls,
    inputs=lambda subject: {**of_source(subject, "dependencies"), "locks": _print_of_locks(subject)},
    settings=DependenciesSettings,
    every=timedelta(hours=12),
    lasts=timedelta(days=1),
)


def _print_of_locks(subject: Subject) -> str:
    if subject.source is None or not subject.source.is_dir():
        return "none"
    wanted = subject.settings("dependencies", DependenciesSettings).locks or locks.found(subject.source)
    files = [subject.source / name for name in wanted]
    return short("".join(short(file.read_bytes().hex()) for file in files if file.is_file()))

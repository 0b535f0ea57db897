"""Where each secret of the running product comes from: golive's store, the environment, a file. Never from code."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from golive.people.secrets import SecretError, is_reference, resolve
from golive.readiness.item import Subject
from golive.readiness.secretscan import trees
from golive.readiness.secretscan.rules import looks_made_up
from golive.readiness.verdict import Report
from golive.releases import variables
from golive.releases.models import Environment

SHORTEST = 8
KINDS = {"env": "the environment", "file": "a file", "secret": "golive's store", "variables": "golive's variables"}
_SECRET_NAME = re.compile(r"SECRET|PASSWORD|PASSWD|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY")
_READ = re.compile(
    r"""(?:environ(?:\.get\(|\[)|getenv\(|process\.env(?:\.|\[)|ENV(?:\[|\.fetch\())\s*["']?([A-Z][A-Z0-9_]{2,})"""
)
_SOURCES = {".py", ".js", ".ts", ".mjs", ".rb", ".go", ".php"}
_TESTS = {"tests", "test"}


@dataclass(frozen=True)
class Origin:
    """One secret of the running product and where it comes from; its value is only searched for, never shown."""

    name: str
    kind: str
    place: str
    value: str = field(repr=False)

    @property
    def told(self) -> str:
        """Where it comes from, in words."""
        return KINDS[self.kind] + (f" ({self.place})" if self.place else "")


def known(subject: Subject, declared: Mapping[str, str], report: Report) -> list[Origin]:
    """The declared secrets, and the variables with which golive starts the product; doubts for what does not open."""
    found = []
    for environment in Environment.objects.filter(project_id=subject.number, name="production"):
        opened = variables.values(environment)
        found += [
            Origin(name, "variables", "", value)
            for name, value in opened.items()
            if _SECRET_NAME.search(name) or "://" in value
        ]
    for name, reference in declared.items():
        kind, _, place = reference.partition(":")
        if not is_reference(reference):
            report.convict(f"secret {name}", "is written into golive.toml itself; write env:, file: or secret:")
            continue
        try:
            found.append(Origin(name, kind, place, resolve(reference)))
        except SecretError as error:
            report.expected += 1
            report.doubt(f"secret {name}", str(error), f"golive secret set {name}")
    return found


def examine_origins(origins: Iterable[Origin], folder: Path | None) -> Report:
    """Each from outside of the code, from a place that not everybody reads, and no placeholder."""
    report = Report()
    for one in origins:
        report.expected, report.examined = report.expected + 1, report.examined + 1
        subject = f"secret {one.name}"
        report.facts[subject] = one.told
        if one.kind == "file":
            _file(report, subject, Path(one.place), folder)
        if len(one.value) < SHORTEST:
            report.convict(subject, f"has {len(one.value)} characters: it can be guessed")
        elif "://" not in one.value and looks_made_up(one.value):  # a database's password is judged by its own item
            report.convict(subject, "is a placeholder that was never replaced")
    return report


def _password(value: str) -> str:
    """Of a URL only what stands between user and host."""
    found = re.match(r"[a-z][a-z0-9+.-]*://[^:/@\s]*:([^@\s]+)@", value)
    return found[1] if found else value


def _file(report: Report, subject: str, file: Path, folder: Path | None) -> None:
    try:
        mode = file.stat().st_mode & 0o777
    except OSError:
        return
    if mode & 0o004:
        report.convict(subject, f"comes from {file}, which everybody on the machine reads (mode {mode:o}); chmod 600")
    if folder is not None and file.resolve().is_relative_to(folder.resolve()):
        report.convict(subject, f"comes from {file}, which lies in the source tree")


def undeclared(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Names that look like secrets and that the source, as git knows it, reads without their being declared."""
    declared, found = set(names), dict[str, str]()
    for path in sorted(trees.files(folder)):
        file = folder / path
        if file.suffix not in _SOURCES or _TESTS & set(Path(path).parts) or not file.is_file():
            continue
        for name in _READ.findall(file.read_text(encoding="utf-8", errors="replace")[:500_000]):
            if _SECRET_NAME.search(name) and name not in declared:
                found.setdefault(name, path)
    return found


def searchable(origins: Iterable[Origin]) -> dict[str, str]:
    """Values by name that are long enough to be looked for in code, pages and logs."""
    return {one.name: part for one in origins if len(part := _password(one.value)) >= SHORTEST}

"""What a product is built from: lock files of Python and Node, and the system's packages, as one list."""

import json
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from uuid import uuid4

from golive.readiness.verdict import CannotTell

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Package:
    """One package at one version; `ecosystem` as OSV names it."""

    ecosystem: str
    name: str
    version: str
    source: str = ""

    @property
    def purl(self) -> str:
        kinds = {"PyPI": "pypi", "npm": "npm"}
        kind = kinds.get(self.ecosystem, "deb/debian")
        return f"pkg:{kind}/{self.name.replace('@', '%40')}@{self.version}"


def requirements(text: str) -> Iterable[tuple[str, str, str]]:
    """Exact pins of a requirements file."""
    for name, version in _PIN.findall(text):
        yield "PyPI", re.sub(r"[-_.]+", "-", name).lower(), version


def toml_lock(text: str) -> Iterable[tuple[str, str, str]]:
    """uv.lock and poetry.lock."""
    for one in tomllib.loads(text).get("package", []):
        if "version" in one and one.get("source", {}).get("editable") is None:
            yield "PyPI", one["name"].lower(), one["version"]


def package_lock(text: str) -> Iterable[tuple[str, str, str]]:
    """package-lock.json of npm 7 and newer."""
    for path, one in json.loads(text).get("packages", {}).items():
        if path and "version" in one and not one.get("link"):
            yield "npm", one.get("name") or path.rpartition("node_modules/")[2], one["version"]


READERS: Mapping[str, Callable[[str], Iterable[tuple[str, str, str]]]] = {
    "requirements": requirements,
    "uv.lock": toml_lock,
    "poetry.lock": toml_lock,
    "package-lock.json": package_lock,
}


def reader_of(name: str) -> Callable[[str], Iterable[tuple[str, str, str]]] | None:
    if name.startswith("requirements") and name.endswith(".txt"):
        return READERS["requirements"]
    return READERS.get(name)


def found(folder: Path) -> list[str]:
    """The lock files below a folder, up to two levels deep, dependencies' own left out."""
    names = []
    for pattern in ("*", "*/*"):
        for file in folder.glob(pattern):
            if file.is_file() and reader_of(file.name) and not {"node_modules", ".venv"} & set(file.parts):
                names.append(str(file.relative_to(folder)))
    return sorted(names)


def read(folder: Path, names: Iterable[str]) -> dict[str, list[Package]]:
    """Packages by lock file. Raises CannotTell for a file that cannot be read or that pins nothing."""
    listed: dict[str, list[Package]] = {}
    for name in names:
        reader = reader_of(Path(name).name)
        if reader is None:
            raise CannotTell(name, f"{name} is no lock file that golive knows", f"known: {', '.join(READERS)}")
        try:
            text = (folder / name).read_text(encoding="utf-8")
            packages = sorted({Package(*one, source=name) for one in reader(text)})
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise CannotTell(name, f"{name} cannot be read: {error}", "write the lock file again") from error
        listed[name] = packages
    return listed


def installed(folder: Path) -> list[Package]:
    """What is installed in a virtual environment or in node_modules: what runs, whatever a lock file says."""
    packages = set()
    for one in distributions(path=[str(place) for place in folder.glob("lib*/python*/site-packages")]):
        if one.metadata["Name"] and not one.read_text("direct_url.json"):
            packages.add(("PyPI", re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(), one.version))
    nested = [] if (folder / "pyvenv.cfg").exists() else folder.rglob("node_modules")
    for inner in [folder, *nested]:  # a package may bring another version of its own
        for file in [*inner.glob("*/package.json"), *inner.glob("@*/*/package.json")]:
            try:
                told = json.loads(file.read_text(encoding="utf-8", errors="replace"))
            except ValueError:
                continue
            if "name" in told and "version" in told:
                packages.add(("npm", told["name"], told["version"]))
    return [Package(*one, source=f"installed in {folder.name}") for one in sorted(packages)]


def system_packages() -> list[Package]:
    """Debian's packages of this machine, where it is one."""
    try:
        release = Path("/etc/debian_version").read_text().strip().partition(".")[0]
        done = subprocess.run(
            ["dpkg-query", "-W", "-f", "${source:Package} ${source:Version}\n"],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return []
    pairs = {tuple(line.split(" ", 1)) for line in done.stdout.splitlines() if " " in line}
    return sorted(Package(f"Debian:{release}", name, version, "dpkg") for name, version in pairs)


def bill(product: str, packages: Iterable[Package], at: datetime) -> dict[str, Any]:
    """The bill of materials as CycloneDX 1.6."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid4()}",
        "version": 1,
        "metadata": {"timestamp": at.isoformat(), "component": {"type": "application", "name": product}},
        "components": [
            {"type": "library", "name": one.name, "version": one.version, "purl": one.purl, "bom-ref": f"{one.purl}"}
            for one in sorted({(p.ecosystem, p.name, p.version): p for p in packages}.values())
        ],
    }

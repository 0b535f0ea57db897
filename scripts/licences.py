"""The licence gate: everything we install must be under a licence that an Apache-2.0 product can ship with.

Python packages are read by pip-licenses from the environment that runs this (runtime and tools) and from those of the
examples, front-end packages from package-lock.json. Anything not recognised as permissive fails until a person has
reviewed it below.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PERMISSIVE = re.compile(
    r"MIT|MIT-0|0?BSD|BSD-[23]-Clause|Apache|ISC|ISCL|Zlib|CC0|PSF|Python Software Foundation|Unlicense"
    r"|MPL|Mozilla Public License|OFL|ZPL-2.1|Redistribution and use in source and binary forms|The MIT License",
    re.IGNORECASE,
)
COPYLEFT = re.compile(
    r"\b[AL]?GPL|General Public License|SSPL|Server Side Public|BUSL|Business Source|Commons Clause|Proprietary", re.I
)

# Reviewed by a person: package -> why we may use it although the gate alone would refuse.
REVIEWED: dict[str, str] = {
    "psycopg": "LGPL-3.0: imported unchanged as a separate, replaceable package, which the LGPL allows",
    "psycopg-binary": "LGPL-3.0: the same, with libpq (PostgreSQL licence) and OpenSSL (Apache-2.0) inside",
    "psycopg-pool": "LGPL-3.0: the same",
    "luqum": "offered under Apache-2.0 or LGPL-3.0 at the user's choice: we choose Apache-2.0",
    "qrcode": "BSD; its second classifier only says that the words QR Code are a trade mark",
}


@dataclass(frozen=True)
class Verdict:
    """Whether a package may be used, and why."""

    package: str
    licence: str
    accepted: bool
    reason: str


def judge(package: str, stated: Iterable[str]) -> Verdict:
    """Judge one package by all that it states about its licence (expression, classifiers, free text)."""
    texts = [text.strip() for text in stated if text and text.strip() not in ("", "UNKNOWN")]
    licence = (texts[0].splitlines()[0] if texts else "nothing stated")[:60]
    if package in REVIEWED:
        return Verdict(package, licence, True, f"reviewed: {REVIEWED[package]}")
    if not texts:
        return Verdict(package, licence, False, "states no licence")
    if copyleft := next((found for text in texts if (found := COPYLEFT.search(text))), None):
        return Verdict(package, licence, False, f"{copyleft.group()} must be reviewed")
    if any(PERMISSIVE.search(text) for text in texts):
        return Verdict(package, licence, True, "permissive")
    return Verdict(package, licence, False, "its licence is not known to the gate")


def python_packages(python: Path) -> list[tuple[str, list[str]]]:
    gate = Path(sys.executable).with_name("pip-licenses")
    command = [gate, "-f", "json", "--from", "all", "--python", python]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    keys = ("License-Expression", "License-Metadata", "License-Classifier")
    return [(item["Name"], [item[key] for key in keys]) for item in listed]


def npm_packages(path: Path) -> list[tuple[str, list[str]]]:
    packages = json.loads(path.read_text())["packages"].items()
    return [(name.removeprefix("node_modules/"), [item.get("license", "")]) for name, item in packages if name]


def main() -> int:
    environments = [Path(sys.executable), *(ROOT / "examples").glob("*/.venv/bin/python")]
    python = [package for environment in environments for package in python_packages(environment)]
    npm = npm_packages(ROOT / "package-lock.json")
    verdicts = [judge(name, stated) for name, stated in [*python, *npm]]
    refused = [verdict for verdict in verdicts if not verdict.accepted]
    for verdict in refused:
        print(f"{verdict.package}: {verdict.licence}: {verdict.reason}")
    reviewed = sum(verdict.reason.startswith("reviewed") for verdict in verdicts)
    print(f"{len(python)} Python and {len(npm)} npm packages: {len(refused)} refused, {reviewed} by reviewed exception")
    return 1 if refused or not python or not npm else 0


if __name__ == "__main__":
    sys.exit(main())

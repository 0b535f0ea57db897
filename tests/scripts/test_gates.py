"""The gates refuse a planted bad package and pass a good one."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("package", "stated", "accepted"),
    [
        ("good", ["MIT", "UNKNOWN", "UNKNOWN"], True),
        ("good", ["UNKNOWN", "BSD", "BSD License"], True),
        ("good", ["Apache-2.0 OR BSD-3-Clause"], True),
        ("silent", ["UNKNOWN", "", "UNKNOWN"], False),
        ("viral", ["GPL-3.0-only"], False),
        ("network", ["AGPL-3.0", "MIT"], False),
        ("weak", ["LGPL-3.0-only"], False),
        ("source", ["SSPL-1.0"], False),
        ("words", ["UNKNOWN", "UNKNOWN", "GNU General Public License v3 (GPLv3)"], False),
        ("strange", ["My own terms"], False),
        ("psycopg", ["LGPL-3.0-only"], True),
    ],
)
def test_licence_gate(package: str, stated: list[str], accepted: bool) -> None:
    verdict = script("licences").judge(package, stated)
    assert verdict.accepted is accepted
    assert verdict.reason


def test_lock_files_need_hashes_and_name_no_address(tmp_path: Path) -> None:
    faults = script("lockfiles").python_faults
    file = tmp_path / "some.txt"
    file.write_text("a==1 \\\n    --hash=sha256:00\nb==2 \\\n    --hash=sha256:11\n")
    assert faults(file) == []
    file.write_text("--index-url https://example.test/simple\na==1\nb>=2 \\\n    --hash=sha256:11\n")
    assert len(faults(file)) == 3


def test_npm_lock_file_needs_integrity(tmp_path: Path) -> None:
    file = tmp_path / "package-lock.json"
    package = {"resolved": "https://example.test/a.tgz"}
    file.write_text(json.dumps({"packages": {"": {}, "node_modules/a": package}}))
    assert len(script("lockfiles").npm_faults(file)) == 2

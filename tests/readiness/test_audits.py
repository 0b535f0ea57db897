"""pip-audit, npm audit and testssl.sh: what they print is read, their exit codes are not believed."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from golive.readiness import testssl
from golive.readiness.advisories import Advisory
from golive.readiness.audits import audit, fresh, npm_audited, pip_audited
from golive.readiness.locks import Package, package_lock
from golive.readiness.verdict import CannotTell
from golive.sandbox.hosting import Hosted

JINJA, FLASK = Package("PyPI", "jinja2", "2.4.1", "requirements.txt"), Package("PyPI", "flask", "2.0.0")
PIP = {
    "dependencies": [
        {
            "name": "jinja2",
            "version": "2.4.1",
            "vulns": [{"id": "GOLIVE-1", "fix_versions": ["2.5"], "aliases": [], "description": "planted"}],
        },
        {"name": "flask", "version": "2.0.0", "vulns": []},
    ],
    "fixes": [],
}


def test_pip_audit_finds_and_has_no_severities() -> None:
    done = pip_audited(PIP, [JINJA, FLASK])
    assert done.count == 2
    assert done.found == [Advisory("GOLIVE-1", JINJA, "", "planted", "2.5")]


@pytest.mark.parametrize(
    "printed",
    [
        {"dependencies": [], "fixes": []},  # pip-audit 2.10.1 ends with 0 here and says that nothing is known
        {"dependencies": [{"name": "own", "skip_reason": "not on PyPI"}]},
        ["?"],
    ],
)
def test_pip_audit_that_looked_at_nothing_proves_nothing(printed: Any) -> None:
    with pytest.raises(CannotTell):
        pip_audited(printed, [JINJA])


@pytest.mark.parametrize(
    "printed",
    [
        {"message": "405 Method Not Allowed", "error": {"summary": "", "detail": ""}},  # as npm 11 prints it
        {"error": {"code": "ENOTFOUND", "summary": "no network"}},
        {"vulnerabilities": {}, "metadata": {"dependencies": {"total": 0}}},
        [],
    ],
)
def test_npm_audit_that_reached_nobody_proves_nothing(printed: Any) -> None:
    with pytest.raises(CannotTell):
        npm_audited(printed, [])


def test_a_program_adds_what_only_it_knows() -> None:
    known = [Advisory("A", JINJA, "critical", "")]
    more = [Advisory("A", JINJA, "", ""), Advisory("A", FLASK, "", ""), Advisory("B", JINJA, "", "")]
    assert [(one.ident, one.package.name, one.severity) for one in fresh(known, more)] == [
        ("A", "flask", "critical"), ("B", "jinja2", ""),
    ]  # fmt: skip


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed here")
def test_npm_itself_against_a_registry_with_a_planted_advisory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def bulk(request: Request) -> JSONResponse:
        told: Mapping[str, Any] = {
            "id": 20261125, "url": "https://github.com/advisories/GHSA-plan-ted0-0001", "title": "planted",
            "severity": "critical", "vulnerable_versions": "<0.2.4",
        }  # fmt: skip
        return JSONResponse({"minimist": [told]})

    lock = {
        "name": "x", "version": "1.0.0", "lockfileVersion": 3,
        "packages": {
            "": {"name": "x", "version": "1.0.0", "dependencies": {"minimist": "0.0.8"}},
            "node_modules/minimist": {"version": "0.0.8"},
        },
    }  # fmt: skip
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    packages = [Package(*one, source="package-lock.json") for one in package_lock(json.dumps(lock))]
    app = Starlette(routes=[Route("/-/npm/v1/security/advisories/bulk", bulk, methods=["POST"])])
    with Hosted(app) as registry:
        monkeypatch.setenv("npm_config_registry", f"{registry.url}/")
        done = audit(tmp_path, "package-lock.json", packages, ["npm"], "")
    assert done is not None
    assert [(one.ident, one.severity) for one in done.found] == [("GHSA-plan-ted0-0001", "critical")]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["package-lock.json"]


def row(ident: str, severity: str) -> dict[str, str]:
    return {"id": ident, "severity": severity, "finding": f"{ident} is {severity}"}


FINE = [row(f"check {number}", "OK") for number in range(6)]


def test_testssl_convicts_by_its_severities() -> None:
    report = testssl.judge("a:443", [*FINE, row("heartbleed", "CRITICAL"), row("BREACH", "MEDIUM")])
    assert [finding.subject for finding in report.findings] == ["a:443 heartbleed"]
    assert report.facts["testssl.sh a:443"]["lesser findings"] == ["BREACH: BREACH is MEDIUM"]


def test_testssl_that_looked_at_nothing_proves_nothing() -> None:
    with pytest.raises(CannotTell, match="TCP connect"):
        testssl.judge("a:443", [{"id": "scanProblem", "severity": "FATAL", "finding": "TCP connect problem"}])


def test_without_testssl_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    report = testssl.examine("a", 443)
    assert "not installed" in report.facts["testssl.sh a:443"]
    assert (report.examined, report.doubts) == (0, [])

"""testssl.sh, Debian's package, called as a program where it is installed: holes of TLS servers that have names."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from golive.readiness.verdict import CannotTell, Report

PROGRAM = "testssl"
PATIENCE = timedelta(seconds=240)
ABSENT = "not installed (Debian: apt install testssl.sh): named holes such as Heartbleed or ROBOT were not looked for"
BAD = ("HIGH", "CRITICAL")


def examine(host: str, port: int) -> Report:
    """What it finds; without it only that sentence. Raises CannotTell when it does not come to an end."""
    subject, report = f"{host}:{port}", Report()
    if shutil.which(PROGRAM) is None:
        report.facts[f"testssl.sh {subject}"] = ABSENT
        return report
    with tempfile.TemporaryDirectory(prefix="golive-testssl-") as folder:
        file = Path(folder) / "found.json"
        words = ["--quiet", "--color", "0", "--warnings", "batch", "--openssl-timeout", "5"]
        command = [PROGRAM, *words, "--jsonfile", str(file), "-p", "-U", f"{host}:{port}"]
        try:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PATIENCE.total_seconds(),
                check=False,
            )
            rows = json.loads(file.read_text())
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            why = f"testssl.sh did not come to an end ({type(error).__name__})"
            raise CannotTell(f"testssl.sh {subject}", why, " ".join(command[:1] + command[-1:])) from error
    return judge(subject, rows)


def judge(subject: str, rows: Sequence[Mapping[str, str]]) -> Report:
    """Its high and critical findings convict; lesser ones are told as facts. Raises CannotTell for an empty run."""
    looked = [row for row in rows if row.get("severity") not in ("WARN", "FATAL", "DEBUG")]
    if len(looked) < 5:
        said = next((row.get("finding", "") for row in rows if row.get("severity") in ("WARN", "FATAL")), "nothing")
        raise CannotTell(f"testssl.sh {subject}", f"testssl.sh looked at nothing: {said[:160]}", f"testssl {subject}")
    report = Report(examined=1, expected=1)
    for row in looked:
        if row["severity"] in BAD:
            report.convict(f"{subject} {row['id']}", f"testssl.sh: {row['id']}: {row['finding'][:160]}")
    lesser = [f"{row['id']}: {row['finding'][:80]}" for row in looked if row["severity"] in ("LOW", "MEDIUM")]
    report.facts[f"testssl.sh {subject}"] = {"looked at": len(looked), "lesser findings": lesser[:20]}
    return report

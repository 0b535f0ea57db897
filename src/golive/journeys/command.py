"""The process of a run as data: its command line and its environment. Nothing is started here."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PLUGIN = "golive-journeys"
CONFINED = Path(__file__).with_name("confined.py")
KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "GOLIVE_CHROMIUM", "PLAYWRIGHT_BROWSERS_PATH")


def interpreter(folder: Path, given: Path | None) -> Path:
    """The Python of the repository: the one that is named, else its .venv, else golive's own."""
    if given is not None:
        return given if given.is_absolute() else folder / given
    own = folder / ".venv" / "bin" / "python"
    return own if own.exists() else Path(sys.executable)


def command(python: Path, files: Sequence[str], out: Path, proves: Sequence[str], cpu_seconds: int) -> list[str]:
    """pytest on the journeys of these files, below limits. The repository's own addopts (coverage, -n) do not count."""
    confined = [sys.executable, "-I", "-S", str(CONFINED), str(os.getpid()), str(cpu_seconds)]
    asked = [f"--prove={name}" for name in proves]
    options = [
        "-p",
        PLUGIN,
        f"--journeys={out}",
        *asked,
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
        "--tb=short",
        "-ra",
        "-q",
    ]
    return [*confined, str(python), "-m", "pytest", *options, *files]


def environment(
    base_url: str,
    home: Path,
    marker: str,
    given: Mapping[str, str],
    ours: Mapping[str, str] = os.environ,
    key: str = "",
) -> dict[str, str]:
    """What a journey may know: the site, its tag, what its golive.toml hands to it - and nothing of golive's own."""
    kept = {name: ours[name] for name in KEPT if name in ours}
    browsers = Path(ours.get("HOME", "/nonexistent")) / ".cache" / "ms-playwright"
    if browsers.is_dir():
        kept.setdefault("PLAYWRIGHT_BROWSERS_PATH", str(browsers))
    return {
        **kept,
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_COLOR": "1",
        **given,
        "GOLIVE_BASE_URL": base_url,
        "GOLIVE_TRACE_PREFIX": marker,
        **({"GOLIVE_SYNTHETIC_KEY": key} if key else {}),
    }


def explained(output: str, python: Path) -> str:
    """Why pytest could not even begin, in one sentence with the way out; nothing where it is not known."""
    if f"No module named '{PLUGIN}'" in output or "No module named pytest" in output:
        return f"{python} lacks golive-client: run `{python} -m pip install 'golive-client[browser]'`"
    if "file or directory not found" in output:
        line = next(line for line in output.splitlines() if "file or directory not found" in line)
        return line.removeprefix("ERROR: ").strip()
    lines = output.splitlines()
    errors = [line for line in lines if line.startswith("E  ")] or [line for line in lines if line.startswith("ERROR")]
    return errors[-1].removeprefix("E").removeprefix("RROR").strip(" :")[:300] if errors else ""

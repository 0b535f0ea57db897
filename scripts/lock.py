"""Pin the requirements again: hashes for every platform, no download address in the files."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = "-q --generate-hashes --universal --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11"
FILES: dict[str, list[str]] = {
    "bootstrap": ["requirements/bootstrap.in"],
    "runtime": ["pyproject.toml"],
    "dev": ["--extra", "dev", "pyproject.toml"],
}


def main() -> int:
    uv = Path(sys.executable).with_name("uv")
    for name, sources in FILES.items():
        print(f"lock: requirements/{name}.txt", flush=True)
        command = [uv, "pip", "compile", *OPTIONS.split(), *sys.argv[1:], *sources, "-o", f"requirements/{name}.txt"]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

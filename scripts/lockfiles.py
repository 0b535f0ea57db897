"""Lock files must pin by hash and name no download address: the installer's own configuration decides where from."""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = re.compile(r"https?://|--(?:extra-)?index-url|--find-links")


def python_faults(path: Path) -> list[str]:
    """What is wrong with a requirements file: addresses, unpinned or unhashed requirements."""
    faults, pinned, hashed = [], "", True
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if ADDRESS.search(line):
            faults.append(f"{path.name}:{number}: names a download address: {line.strip()}")
        if re.match(r"[A-Za-z0-9]", line):
            if not hashed:
                faults.append(f"{path.name}: {pinned} has no hash")
            pinned, hashed = line.split()[0], False
            if "==" not in pinned:
                faults.append(f"{path.name}:{number}: {pinned} is not pinned")
        hashed = hashed or "--hash=" in line
    return faults if hashed else [*faults, f"{path.name}: {pinned} has no hash"]


def npm_faults(path: Path) -> list[str]:
    """What is wrong with a package-lock.json: addresses, packages without integrity."""
    faults = []
    for name, package in json.loads(path.read_text()).get("packages", {}).items():
        if name and "resolved" in package and ADDRESS.search(package["resolved"]):
            faults.append(
                f"{path.name}: {name} names a download address (install with omit-lockfile-registry-resolved)"
            )
        if name and not package.get("link") and "integrity" not in package:
            faults.append(f"{path.name}: {name} has no integrity hash")
    return faults


def main() -> int:
    files = sorted((ROOT / "requirements").glob("*.txt")) + sorted((ROOT / "examples").glob("*/requirements/*.txt"))
    faults = [fault for path in files for fault in python_faults(path)]
    faults += npm_faults(ROOT / "package-lock.json")
    print("\n".join(faults) or f"{len(files) + 1} lock files are clean")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main())

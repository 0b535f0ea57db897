"""What a repository seems to be, from its files: commands for golive.toml, each guess with its reason. Pure."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from golive.pipelines import snippets

Read = Callable[[str], str | None]  # a file's text, or None when it is not there


@dataclass(frozen=True)
class Guess:
    """One thing that golive.toml will say, and why."""

    key: str
    lines: tuple[str, ...]
    reason: str


@dataclass
class Found:
    """What is known of the repository."""

    framework: str = ""
    guesses: list[Guess] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)

    def add(self, key: str, reason: str, *lines: str) -> None:
        self.guesses.append(Guess(key, lines, reason))


BUILD = """run = 'python -m compileall -q -x "[.]venv/" .'"""
# Named in requirements, in this order: the first that is there counts.
PYTHON = {"django": "Django", "fastapi": "FastAPI", "flask": "Flask", "starlette": "Starlette"}
GROUPS = ("dev", "test", "tests", "testing", "lint", "typing", "types")  # of dependencies, which tests and checks need
NODE = {"next": "Next.js", "nuxt": "Nuxt", "@remix-run/node": "Remix", "@nestjs/core": "NestJS", "express": "Express"}


def detect(read: Read, files: Mapping[str, str], name: str) -> Found:
    """Guess from a repository's files (paths as keys)."""
    found = Found()
    said, why = _name(read, name)
    found.add("app", why, f'name = "{said}"')
    if "pyproject.toml" in files or "requirements.txt" in files:
        _python(read, files, found)
    elif "package.json" in files:
        _node(read, files, found)
    else:
        found.unsure.append("Neither pyproject.toml, requirements.txt nor package.json: write the commands yourself.")
    _deploy(read, files, found)
    return found


def _python(read: Read, files: Mapping[str, str], found: Found) -> None:
    project = _toml(read)
    text = _requirements(read, files)
    framework = next((name for name in PYTHON if re.search(rf"(?mi)^\W*{name}\b", text)), "")
    found.framework = PYTHON.get(framework, "Python")
    types = "mypy" in project.get("tool", {}) or "mypy.ini" in files
    run, reason, inputs = _python_setup(project, files, text, types=types)
    named = ", ".join(f'"{one}"' for one in inputs)
    found.add("pipeline.setup", reason, f"run = {run}", f"inputs = [{named}]", 'outputs = [".venv"]')
    found.add("pipeline.lint.steps.style", "ruff reads any Python", 'run = "ruff check ."', 'caches = [".ruff_cache"]')
    if types:
        where = "" if project.get("tool", {}).get("mypy", {}).keys() & {"files", "packages", "modules"} else " ."
        found.add(
            "pipeline.lint.steps.types", "mypy is configured here", f'run = "mypy{where}"', 'caches = [".mypy_cache"]'
        )
    _python_tests(files, found, project, needs_database=bool(re.search(r"(?i)psycopg|asyncpg", text)))
    if framework == "django" and "manage.py" in files:
        found.add("pipeline.build", "Django checks what is to be deployed", 'run = "python manage.py check --deploy"')
    elif _is_library(project, files):
        found.add("pipeline.build", "[build-system] makes a package", 'run = "uv build"', 'outputs = ["dist/**"]')
    else:
        found.add("pipeline.build", "what does not compile does not start", BUILD)


def _is_library(project: Mapping[str, Any], files: Mapping[str, str]) -> bool:
    return "build-system" in project and not {"manage.py", "Procfile", "Dockerfile"} & files.keys()


def _python_setup(
    project: Mapping[str, Any], files: Mapping[str, str], text: str, *, types: bool
) -> tuple[str, str, list[str]]:
    """The commands that install everything, why, and what they depend on."""
    groups = [name for name in project.get("dependency-groups", {}) if name in GROUPS]
    chosen = "".join(f" --group {name}" for name in groups)
    lacking = [tool for tool in ("ruff", "pytest", *(["mypy"] if types else [])) if tool not in text]
    tools = "".join(f" {tool}" for tool in lacking)
    also = f" with the group{'s' if len(groups) > 1 else ''} {', '.join(groups)}" if groups else ""
    if "uv.lock" in files:
        more = f', "uv pip install{tools}"' if tools else ""
        return f'["uv sync --frozen --all-extras{chosen}"{more}]', f"uv.lock pins everything{also}", [
            "uv.lock", "pyproject.toml"
        ]  # fmt: skip
    locked = next((one for one in ("requirements-dev.txt", "requirements.txt") if one in files), "")
    if locked:
        run = f'["uv venv --relocatable .venv", "uv pip install -r {locked}{tools}"]'
        inputs = [one for one in (locked, "pyproject.toml") if one in files]
        return run, f"{locked} names what is needed", inputs
    run = f'["uv venv --relocatable .venv", "uv pip install -e .{chosen}{tools}"]'
    return run, f"pyproject.toml alone{also}", ["pyproject.toml"]


def _python_tests(files: Mapping[str, str], found: Found, project: Mapping[str, Any], *, needs_database: bool) -> None:
    folders = {path.rpartition("/")[0] for path in files if re.search(r"(^|/)(test_\w+|\w+_test)\.py$", path)}
    integration = sorted(one for one in folders if "integration" in one)
    unit = sorted(one for one in folders if "unit" in one) or sorted(
        {one.split("/")[0] for one in folders - {*integration}}
    )
    if not folders:
        found.unsure.append("No test_*.py: name what runs your tests in [pipeline.unit].")
        return
    services = ('services = ["postgres"]', 'environment = { DATABASE_URL = "$POSTGRES_URL" }') if needs_database else ()
    own = project.get("tool", {}).get("pytest", {}).get("ini_options", {}).get("testpaths")
    if own and not integration:
        reason = "pytest's testpaths say where the tests are" + (
            ", and PostgreSQL's driver is required" if services else ""
        )
        found.add("pipeline.unit", reason, 'run = "python -m pytest"', *services)
    elif integration:
        found.add("pipeline.unit", f"tests in {', '.join(unit)}", f'run = "python -m pytest {" ".join(unit)}"')
        where = " ".join(integration)
        found.add("pipeline.integration", "tests with a database", f'run = "python -m pytest {where}"', *services)
    else:
        reason = f"tests in {', '.join(unit)}" + (", and PostgreSQL's driver is required" if services else "")
        found.add("pipeline.unit", reason, f'run = "python -m pytest {" ".join(unit)}"'.rstrip(), *services)


def _requirements(read: Read, files: Mapping[str, str]) -> str:
    """Requirements, one a line."""
    lines = [read(name) or "" for name in files if re.fullmatch(r"requirements[\w.-]*\.(txt|in)", name)]
    whole = _toml(read)
    project = whole.get("project", {})
    lines += [str(one) for one in project.get("dependencies", [])]
    lines += [str(one) for many in project.get("optional-dependencies", {}).values() for one in many]
    groups = whole.get("dependency-groups", {})
    lines += [str(one) for name, many in groups.items() if name in GROUPS for one in many if isinstance(one, str)]
    return "\n".join(lines)


def _toml(read: Read) -> dict[str, Any]:
    """pyproject.toml; empty when it is not there or cannot be read."""
    try:
        return tomllib.loads(read("pyproject.toml") or "")
    except tomllib.TOMLDecodeError:
        return {}


def _name(read: Read, folder: str) -> tuple[str, str]:
    """What the repository calls itself, else its folder's name; and why."""
    try:
        package = orjson.loads(read("package.json") or "{}")
    except orjson.JSONDecodeError:
        package = {}
    given = _toml(read).get("project", {}).get("name")
    reason = "pyproject.toml calls it so"
    if not given and isinstance(package, dict):
        given, reason = package.get("name"), "package.json calls it so"
    name = re.sub(r"[^a-z0-9-]+", "-", str(given or "").lower().rpartition("/")[2]).strip("-")
    return (name, reason) if name else (folder, "the folder's name")


def _node(read: Read, files: Mapping[str, str], found: Found) -> None:
    try:
        package = orjson.loads(read("package.json") or "{}")
    except orjson.JSONDecodeError:
        package = {}
    package = package if isinstance(package, dict) else {}
    needed = {**package.get("dependencies", {}), **package.get("devDependencies", {})}
    found.framework = next((said for name, said in NODE.items() if name in needed), "Node.js")
    lock = "package-lock.json" in files
    run = "npm ci --no-audit --no-fund" if lock else "npm install --no-audit --no-fund"
    reason = "package-lock.json pins everything" if lock else "package.json; commit a lock file to pin it"
    inputs = '["package.json", "package-lock.json"]' if lock else '["package.json"]'
    found.add("pipeline.setup", reason, f'run = "{run}"', f"inputs = {inputs}", 'outputs = ["node_modules"]')
    scripts = package.get("scripts", {})
    for script, stage in (("lint", "lint"), ("test", "unit"), ("build", "build")):
        if script in scripts and "no test specified" not in str(scripts[script]):
            outputs = ('outputs = ["dist/**", "build/**", ".next/**"]',) if script == "build" else ()
            reason = f'package.json\'s script "{script}": {scripts[script]}'
            found.add(f"pipeline.{stage}", reason, f'run = "npm run {script}"', *outputs)
        else:
            found.unsure.append(f'package.json has no script "{script}": [pipeline.{stage}] is left out.')


def _deploy(read: Read, files: Mapping[str, str], found: Found) -> None:
    """How it is started: a Procfile says so, else the framework's usual way."""
    web = ""
    if "Procfile" in files and (line := re.search(r"(?m)^web:\s*(.+)$", read("Procfile") or "")):
        web = re.sub(r"\s+--(?:bind|port|host)[= ]\S+", "", line[1].strip())
        reason = "Procfile's web process"
    elif found.framework == "Django" and (module := _module(files, "wsgi.py")):
        web, reason = f"gunicorn {module} --bind unix:$SOCKET", f"{module} is Django's entry"
    elif found.framework in ("FastAPI", "Starlette") and (entry := _factory(read, files)):
        web, reason = f"uvicorn --factory {entry} --uds $SOCKET", f"{entry} makes the application"
    elif found.framework in ("FastAPI", "Starlette") and (entry := _entry(read, files, r"(?:FastAPI|Starlette)")):
        web, reason = f"uvicorn {entry} --uds $SOCKET", f"{entry} is the application"
    elif found.framework == "Flask" and (entry := _entry(read, files, "Flask")):
        web, reason = f"gunicorn {entry} --bind unix:$SOCKET", f"{entry} is the application"
    if not web and _is_library(_toml(read), files):
        found.unsure.append("It seems to be a library, which is not deployed: [deploy] is left out.")
        return
    if not web:
        docker = ' (a Dockerfile is here: see target = "command")' if "Dockerfile" in files else ""
        found.unsure.append(f"How it is started is not clear: write [deploy]{docker}.")
        return
    if "$SOCKET" not in web:
        word = "--uds $SOCKET" if "uvicorn" in web else "--bind unix:$SOCKET" if "gunicorn" in web else "$SOCKET"
        web = f"{web} {word}"
    lines = [f"processes = {{ web = '{web}' }}", 'health = "/"']
    if "manage.py" in files:
        lines.append('release = "python manage.py migrate"')
    elif "alembic.ini" in files:
        lines.append('release = "alembic upgrade head"')
    found.add("deploy", reason, *lines)


def _module(files: Mapping[str, str], name: str) -> str:
    path = next((one for one in sorted(files, key=len) if one.endswith(f"/{name}")), "")
    return f"{path.removesuffix('.py').replace('/', '.')}:application" if path else ""


def _factory(read: Read, files: Mapping[str, str]) -> str:
    """`package.module:create_app`, where a function makes the application."""
    for path in sorted(one for one in files if one.endswith(".py") and "test" not in one):
        if made := re.search(r"(?m)^def ((?:create|make|build)_app)\(", read(path) or ""):
            return f"{path.removesuffix('.py').replace('/', '.').removeprefix('src.')}:{made[1]}"
    return ""


def _entry(read: Read, files: Mapping[str, str], kind: str) -> str:
    """`package.module:name` of the application object that a module makes."""
    for path in sorted(
        (one for one in files if one.endswith(".py") and "test" not in one), key=lambda p: (p.count("/"), p)
    ):
        if made := re.search(rf"(?m)^(\w+)\s*(?::\s*\w+\s*)?=\s*{kind}\(", read(path) or ""):
            module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".").removeprefix("src.")
            return f"{module}:{made[1]}"
    return ""


def written(found: Found) -> str:
    """golive.toml with each guess's reason above it."""
    blocks = [
        f"# Written by `golive init` for {found.framework or 'this repository'}; mend it, then run `golive ship`."
    ]
    for guess in found.guesses:
        blocks.append("\n".join([f"# {guess.reason}", f"[{guess.key}]", *guess.lines]))
    blocks += [f"# Not known: {one}" for one in found.unsure]
    blocks.append("\n".join(f"# {line}".rstrip() for line in snippets.instrumentation(found.framework).splitlines()))
    return "\n\n".join(blocks) + "\n"

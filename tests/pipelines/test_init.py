"""`golive init`: what it makes of repositories, and that its file is accepted and explained."""

import json

import pytest
import yaml

from golive.pipelines import definition, detect, workflows

DJANGO = {
    "manage.py": "",
    "shop/wsgi.py": "application = 1",
    "requirements.txt": "django>=5\npsycopg[binary]\ngunicorn\n",
    "shop/tests/test_cart.py": "",
}
FASTAPI = {
    "pyproject.toml": '[project]\nname="api"\ndependencies=["fastapi>=0.1"]\n[tool.mypy]\nstrict=true\n',
    "uv.lock": "",
    "src/api/main.py": "from fastapi import FastAPI\napp = FastAPI()\n",
    "tests/unit/test_a.py": "",
    "tests/integration/test_b.py": "",
}
FLASK = {
    "requirements.txt": "Flask==3\n",
    "app.py": "app = Flask(__name__)\n",
    "Procfile": "web: gunicorn app:app --bind 0.0.0.0:80\n",
}
LIBRARY = {
    "pyproject.toml": """
[project]
name = "Shape.Sorter"
[build-system]
requires = ["flit_core"]
[dependency-groups]
tests = ["pytest", "hypothesis"]
docs = ["sphinx"]
[tool.mypy]
files = ["src"]
[tool.pytest.ini_options]
testpaths = ["tests"]
""",
    "src/sorter/__init__.py": "",
    "tests/test_sorter.py": "",
    "examples/web/test_web.py": "",
}
NEXT = {
    "package.json": json.dumps(
        {
            "dependencies": {"next": "15"},
            "scripts": {"build": "next build", "lint": "next lint", "test": "echo no test specified"},
        }
    ),
    "package-lock.json": "{}",
}


@pytest.mark.parametrize(
    ("files", "framework", "said"),
    [
        (
            DJANGO,
            "Django",
            ["gunicorn shop.wsgi:application --bind unix:$SOCKET", "manage.py migrate", "$POSTGRES_URL"],
        ),
        (
            FASTAPI,
            "FastAPI",
            ["uvicorn api.main:app --uds $SOCKET", "uv sync --frozen", 'run = "mypy ."', "tests/integration"],
        ),
        (FLASK, "Flask", ["gunicorn app:app --bind unix:$SOCKET"]),
        (NEXT, "Next.js", ["npm ci", "npm run build", "no script"]),
        ({**FASTAPI, "src/api/main.py": "def create_app():\n"}, "FastAPI", ["uvicorn --factory api.main:create_app"]),
        (
            LIBRARY,
            "Python",
            [
                'name = "shape-sorter"',
                "-e . --group tests ruff mypy",
                'run = "python -m pytest"',
                'run = "uv build"',
                "a library",
            ],
        ),
        ({"Dockerfile": ""}, "", ["Not known: Neither", "Dockerfile is here"]),
        ({"pyproject.toml": "[not toml", "app.py": ""}, "Python", ["pyproject.toml alone"]),
        ({"package.json": "not json"}, "Node.js", ["npm install"]),
    ],
)
def test_repositories(files: dict[str, str], framework: str, said: list[str]) -> None:
    found = detect.detect(files.get, files, "shop")
    text = detect.written(found)
    assert found.framework == framework
    for words in said:
        assert words in text
    definition.parsed(text.encode())
    assert all(guess.reason for guess in found.guesses)
    sdk = "@sentry/node" if "package.json" in files else "sentry-sdk"
    assert f"install {sdk}" in text, "the lines that make it send its telemetry"


@pytest.mark.parametrize(("host", "file"), workflows.FILES.items())
def test_workflow_files_call_golive_and_report_stage_times(host: str, file: tuple[str, str]) -> None:
    name, text = file
    read = yaml.safe_load(text)
    jobs = read["jobs"]["ship"]["steps"] if host == "github" else [read["golive"]]
    assert name.endswith(".yml")
    assert any("golive ship" in str(job) for job in jobs)
    assert "golive ship status --markdown" in text, "the newest run: kept data numbers runs on"

"""A repository's pipeline as its golive.toml says, at one tree."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel

from golive.config import reader, sections
from golive.config.positions import positions
from golive.config.reader import ConfigError, Document, Problem
from golive.pipelines.section import PipelineSection
from golive.pipelines.tree import Repository

FILE = "golive.toml"


@dataclass(frozen=True)
class Definition:
    """What golive.toml says that a run needs."""

    app: str
    pipeline: PipelineSection
    deploys: bool = False  # it says how to deploy


def read(repository: Repository, tree: str) -> Definition:
    """The definition at a tree. Raises ConfigError naming file, line and key."""
    content = repository.read(tree, FILE)
    if content is None:
        problem = Problem(FILE, 0, "", "no such file", "a golive.toml; `golive init` writes a first one")
        raise ConfigError([problem])
    return parsed(content)


def parsed(content: bytes) -> Definition:
    """The definition in a file's content. Raises ConfigError."""
    document = loaded(content)
    pipeline = section(document, "pipeline")
    assert isinstance(pipeline, PipelineSection)  # noqa: S101
    return Definition(app_name(document), pipeline, bool(document.data.get("deploy")))


def loaded(content: bytes) -> Document:
    """What a file says, unchecked. Raises ConfigError when it is not TOML."""
    try:
        text = content.decode()
        data = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([Problem(FILE, 0, "", f"text that is not TOML ({error})", "valid TOML 1.0")]) from error
    return Document(data, {path: (FILE, line) for path, line in positions(text).items()}, FILE)


def section(document: Document, key: str) -> BaseModel:
    """One section; the others are somebody else's to check. Raises ConfigError."""
    ours = replace(document, data={name: value for name, value in document.data.items() if name == key})
    return reader.validate(ours, [one for one in sections.registered() if one.key == key])[key]


def app_name(document: Document) -> str:
    """What [app] calls the product; empty when it says nothing."""
    app = document.data.get("app")
    name = app.get("name") if isinstance(app, dict) else None
    return name if isinstance(name, str) else ""


def folder_of(start: Path) -> Path:
    """The folder with golive.toml, here or above. Raises ConfigError."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / FILE).exists():
            return folder
    where = f"no {FILE} in {start} or above"
    raise ConfigError([Problem(FILE, 0, "", where, "a golive.toml; `golive init` writes a first one")])

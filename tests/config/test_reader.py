"""golive.toml's reader: every error names file, line, key, what was found and what is accepted."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, RootModel

from golive.config import reader
from golive.config.positions import positions
from golive.config.sections import Section
from golive.config.values import Duration, Percent, Resolved


class Probe(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: Resolved
    every: Duration = "60s"  # type: ignore[assignment]


class Probes(RootModel[dict[str, Probe]]):
    root: dict[str, Probe] = {}


class Level(BaseModel):
    model_config = ConfigDict(extra="forbid")
    critical: Percent = 0.05


class Alerts(BaseModel):
    model_config = ConfigDict(extra="forbid")
    error_rate: Level = Level()
    people: list[str] = []


SECTIONS = [
    Section("checks", Probes, lambda *_: [], lambda *_: None),
    Section("alerts", Alerts, lambda *_: [], lambda *_: None),
]


def written(folder: Path, text: str, name: str = "golive.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_positions_of_nested_keys_strings_and_arrays() -> None:
    text = '''# a comment = "no"
[checks.home]
url = """
[not.a.table]
"""
every = "60s" # every
[status]
components = [
  { name = "Web # app", checks = ["home"] },
  { name = 'API', checks = ["api", "b"] },
]
a."b.c".d = 1
[[many]]
x = 1
[[many]]
x = [1,
 2]
'''
    lines = positions(text)
    assert lines["checks",] == 2
    assert lines["checks", "home", "url"] == 3
    assert lines["checks", "home", "every"] == 6
    assert lines["status", "components", 1, "name"] == 10
    assert lines["status", "components", 1, "checks", 1] == 10
    assert lines["status", "a", "b.c", "d"] == 12
    assert lines["many", 1, "x"] == 16
    assert lines["many", 1, "x", 1] == 17


@pytest.mark.parametrize(
    ("text", "line", "key", "found", "accepted", "hint"),
    [
        ("\n[chekcs.a]\nurl='/'\n", 2, "chekcs", "unknown section 'chekcs'", "alerts, checks", "'checks'"),
        ("[checks.a]\nurl='/'\nevry='5s'\n", 3, "checks.a.evry", "unknown key 'evry'", "every, url", "'every'"),
        ("[checks.a]\nurl='/'\nevery='soon'\n", 3, "checks.a.every", '"soon"', "write it like 90s", ""),
        ("[checks.a]\nurl='/'\nevery=60\n", 3, "checks.a.every", "60", "in quotes", ""),
        ("[checks.a]\nevery='5s'\n", 1, "checks.a.url", "nothing", "url is needed here", ""),
        (
            "[alerts]\nerror_rate={ critcal='5%' }\n",
            2,
            "alerts.error_rate.critcal",
            "critcal",
            "critical",
            "'critical'",
        ),
        ("[alerts]\nerror_rate={ critical='500%' }", 2, "alerts.error_rate.critical", '"500%"', "between", ""),
        ("[alerts]\npeople=['a',\n3]", 3, "alerts.people[1]", "3", "valid string", ""),
        ("[checks.a]\nurl='env:NOT_THERE'\n", 2, "checks.a.url", '"env:NOT_THERE"', "NOT_THERE is not set", ""),
    ],
)
def test_an_error_says_where_what_and_what_is_accepted(
    tmp_path: Path, text: str, line: int, key: str, found: str, accepted: str, hint: str
) -> None:
    with pytest.raises(reader.ConfigError) as raised:
        reader.validate(reader.read(written(tmp_path, text)), SECTIONS)
    (problem,) = raised.value.problems
    assert (problem.line, problem.key) == (line, key)
    assert found in problem.found
    assert accepted in problem.accepted
    assert hint in problem.hint


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "[checks.a]\nurl='/'\nevery='x'\n[nope]\n")
    with pytest.raises(reader.ConfigError) as raised:
        reader.validate(reader.read(path), SECTIONS)
    assert [problem.line for problem in raised.value.problems] == [3, 4]


@pytest.mark.parametrize("text", ["[checks", "a = \n", "a = 1\na = 2\n"])
def test_broken_toml_names_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(reader.ConfigError) as raised:
        reader.read(written(tmp_path, text))
    assert raised.value.problems[0].line >= 1


def test_a_missing_file_is_an_error_not_a_trace(tmp_path: Path) -> None:
    with pytest.raises(reader.ConfigError, match="no readable file"):
        reader.read(tmp_path / "nothing.toml")


def test_an_overlay_replaces_single_keys_and_its_errors_name_it(tmp_path: Path) -> None:
    base = written(tmp_path, "[checks.a]\nurl='/'\nevery='60s'\n")
    overlay = written(tmp_path, "[checks.a]\n\nevery='2s'\n", "demo.toml")
    document = reader.read(base, overlay)
    wanted = reader.validate(document, SECTIONS)["checks"]
    assert isinstance(wanted, Probes)
    assert wanted.root["a"].url == "/"
    assert wanted.root["a"].every.total_seconds() == 2
    last = written(tmp_path, "[checks.a]\nevery='5s'\n", "last.toml")
    both = reader.validate(reader.read(base, overlay, last), SECTIONS)["checks"]
    assert isinstance(both, Probes)
    assert both.root["a"].every.total_seconds() == 5
    written(tmp_path, "[checks.a]\n\nevery='wrong'\n", "demo.toml")
    with pytest.raises(reader.ConfigError) as raised:
        reader.validate(reader.read(base, overlay), SECTIONS)
    assert (Path(raised.value.problems[0].file).name, raised.value.problems[0].line) == ("demo.toml", 3)


def test_references_are_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_URL", "http://there")
    wanted = reader.validate(reader.read(written(tmp_path, "[checks.a]\nurl='env:SOME_URL'\n")), SECTIONS)["checks"]
    assert isinstance(wanted, Probes)
    assert wanted.root["a"].url == "http://there"

"""The decisions of a pipeline as tables: patterns, keys, shares, plans, endings, masks, reports."""

from pathlib import Path

import pytest

from golive.config.reader import ConfigError
from golive.pipelines import definition, isolate
from golive.pipelines.globs import chosen, matches
from golive.pipelines.junit import ReportError, Result, cases
from golive.pipelines.key import explained, key_of, told
from golive.pipelines.mask import Mask
from golive.pipelines.outcome import Outcome, State, may_begin, of_run
from golive.pipelines.plan import Wish, plan
from golive.pipelines.shares import shared_out
from golive.pipelines.stages import LOCAL, Stage


@pytest.mark.parametrize(
    ("path", "patterns", "meant"),
    [
        ("src/a.py", ["src/**"], True),
        ("src/a.py", ["src"], True),
        ("srcs/a.py", ["src"], False),
        ("a.py", ["**/*.py"], True),
        ("x/y/a.py", ["**/*.py"], True),
        ("x/a.py", ["*.py"], False),
        ("docs/a.md", ["**", "!docs/**"], False),
        ("docs/keep.md", ["**", "!docs/**", "docs/keep.md"], True),
        ("a+b.py", ["a+b.py"], True),
        ("aab.py", ["a+b.py"], False),
        ("a.py", [], False),
    ],
)
def test_patterns(path: str, patterns: list[str], meant: bool) -> None:
    assert matches(path, patterns) is meant


def test_key_depends_on_every_part_and_not_on_their_order() -> None:
    parts = {"file a": "1", "command 1": "make"}
    assert key_of(parts).digest == key_of(dict(reversed(parts.items()))).digest
    assert key_of(parts).digest != key_of({**parts, "file a": "2"}).digest
    assert key_of({"a": "b c"}).digest != key_of({"a b": "c"}).digest


def test_a_key_is_explained() -> None:
    old = {"file a": "1", "file b": "1", "command 1": "x"}
    new = {"file a": "2", "command 1": "x", "variable C": "1"}
    assert explained(new, old) == ["file a changed", "variable C is new", "file b is gone"]
    assert explained(old, old) == []
    assert explained(new, None) == ["nothing like it has been run before"]
    assert told(["a", "b", "c", "d"]) == "a, b, c and 1 more"


def test_files_are_shared_out_so_that_workers_end_together() -> None:
    seconds = {"slow": 16.0, "a": 4.0, "b": 4.0, "c": 4.0, "d": 4.0}
    assert shared_out(["a", "b", "c", "d", "slow"], seconds, 2) == [["slow"], ["a", "b", "c", "d"]]
    assert shared_out(["a"], {}, 4) == [["a"]]
    small_change = {name: took * 1.1 for name, took in seconds.items()}
    assert shared_out(list(seconds), seconds, 2) == shared_out(list(seconds), small_change, 2)


TOML = b"""
[app]
name = "shop"
[pipeline.setup]
run = "make venv"
inputs = "requirements.txt"
outputs = ".venv"
[pipeline.lint.steps.style]
run = "ruff check ."
[pipeline.lint.steps.types]
run = "mypy"
needs = "style"
[pipeline.unit]
run = "pytest $TESTS"
tests = "tests/**/test_*.py"
split = 2
[pipeline.e2e]
run = "pytest e2e"
secrets = ["API_KEY"]
"""
FILES = {"requirements.txt": "r1", "a.py": "a1", "tests/test_a.py": "t1", "tests/test_b.py": "t2"}


def test_a_plan_is_data_in_an_order_in_which_it_can_be_done() -> None:
    said = definition.parsed(TOML)
    made = plan(said.pipeline, FILES, Wish(LOCAL))
    names = {step.name: step for step in made.steps}
    assert list(names) == ["setup", "lint.style", "lint.types", "unit#1", "unit#2", "integration", "build"]
    assert names["lint.types"].needs == ("setup", "lint.style")
    assert names["unit#1"].environment["TESTS"] == "tests/test_a.py"
    assert names["integration"].skip
    assert names["unit#1"].budget.total_seconds() == 60
    assert {row["name"] for row in made.as_data()} == set(names)


def test_only_what_a_step_depends_on_is_in_its_key() -> None:
    said = definition.parsed(TOML).pipeline
    before = {step.name: step.key({}) for step in plan(said, FILES, Wish(LOCAL)).steps}
    after = {step.name: step.key({}) for step in plan(said, {**FILES, "a.py": "a2"}, Wish(LOCAL)).steps}
    assert before["setup"].digest == after["setup"].digest
    assert before["lint.style"].digest != after["lint.style"].digest
    step = plan(said, FILES, Wish(LOCAL)).steps[1]
    assert step.key({"setup": "k1"}).digest != step.key({"setup": "k2"}).digest


def test_a_fork_gets_no_step_that_needs_secrets_and_nothing_after_it_runs() -> None:
    said = definition.parsed(TOML).pipeline
    stages = [*LOCAL, Stage.E2E, Stage.PRODUCTION]
    ours = {step.name: step for step in plan(said, FILES, Wish(stages)).steps}
    theirs = {step.name: step for step in plan(said, FILES, Wish(stages, trusted=False)).steps}
    assert not ours["e2e"].withheld
    assert "API_KEY" in theirs["e2e"].withheld
    standing = {name: Outcome(State.PASSED) for name in theirs} | {"e2e": Outcome(State.BLOCKED, "withheld")}
    assert may_begin(theirs["production"].needs, standing) == (False, "e2e blocked")
    assert of_run(standing)[0] is State.UNKNOWN


@pytest.mark.parametrize(
    ("text", "told_of"),
    [
        (b"[pipeline.lint]\nrun = []", "run"),
        (b"[pipeline.lnt]\nrun = 'x'", "the stages"),
        (b"[pipeline.lint]\nrun = 'x'\nservices = ['mysql']", "the services"),
        (b"[pipeline.lint]\nrun = 'x'\noutputs = ['../x']", "inside the repository"),
        (b"[pipeline.lint.steps.a]\nrun = 'x'\nneeds = ['b']\n[pipeline.lint.steps.b]\nrun='x'\nneeds=['a']", "ring"),
        (b"[pipeline.lint]\nrun = 'x'\ncolour = 'red'", "unknown key"),
        (b"[pipeline", "TOML"),
    ],
)
def test_what_is_wrong_with_a_pipeline_is_said(text: bytes, told_of: str) -> None:
    with pytest.raises(ConfigError, match=told_of):
        definition.parsed(text)


def test_how_runs_end() -> None:
    good, bad = Outcome(State.PASSED), Outcome(State.FAILED)
    assert of_run({"a": good, "b": Outcome(State.CACHED)}) == (State.PASSED, "2 steps passed")
    assert of_run({"a": good, "b": bad}) == (State.FAILED, "b failed")
    assert of_run({"a": Outcome(State.SKIPPED)})[0] is State.UNKNOWN, "a run that ran nothing has not passed"
    assert of_run({"a": good}, "newer push")[0] is State.CANCELLED
    assert may_begin(["a"], {"a": Outcome(State.SKIPPED)}) == (True, "")
    assert may_begin(["a"], {"a": Outcome(State.RUNNING)}) == (False, "")


@pytest.mark.parametrize(
    "printed", ["s3cret/+value", "s3cret%2F%2Bvalue", "czNjcmV0Lyt2YWx1ZQ==", "x=s3cret/+value;", "second line"]
)
def test_secrets_are_hidden_however_they_are_printed(printed: str) -> None:
    hidden = Mask(["s3cret/+value", "first\nsecond line"]).hide(printed)
    assert "***" in hidden
    assert "s3cret" not in hidden


def test_no_secret_hides_nothing() -> None:
    assert Mask([]).hide("all of it") == "all of it"
    assert Mask(["a"]).hide("a banana") == "a banana"


REPORT = b"""<testsuites><testsuite>
<testcase classname="tests.test_a" name="test_one" time="0.25"/>
<testcase classname="tests.test_a" name="test_two" time="1"><failure message="assert 1 == 2">trace</failure></testcase>
<testcase classname="tests.test_b" name="test_three" time="x"><skipped message="no"/></testcase>
<testcase name="broken"><error/></testcase>
</testsuite></testsuites>"""


def test_reports_are_read() -> None:
    found = cases(REPORT)
    assert [case.result for case in found] == [Result.PASSED, Result.FAILED, Result.SKIPPED, Result.FAILED]
    assert found[0].file == "tests/test_a.py"
    assert found[1].message == "assert 1 == 2"


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"<html/>",
        b"<testsuites>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><testsuites>&b;</testsuites>',
        b"\x00\xff",
    ],
)
def test_what_is_no_report_is_refused(report: bytes) -> None:
    with pytest.raises(ReportError):
        cases(report)


def test_the_cell_is_a_command_line() -> None:
    cell = isolate.Cell(folder=Path("/w/c"), uid=61200)
    boxed = isolate.command(isolate.Level.ROOT_BUBBLEWRAP, cell, ["/bin/true"])
    assert "--unshare-pid" in boxed
    assert "--reuid=61200" in boxed
    assert boxed.index("--no-new-privs") > boxed.index("bwrap")
    plain = isolate.command(isolate.Level.SESSION, cell, ["/bin/true"])
    assert "bwrap" not in plain
    assert not isolate.Level.SESSION.holds_strangers


def test_a_step_gets_nothing_of_golives_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_DATA", "/secret/place")
    monkeypatch.setenv("DATABASE_URL", "postgres://u:p@h/d")
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:password@index.example/simple")
    cell = isolate.Cell(folder=Path("/w/c"), uid=61200)
    ours = isolate.environment(isolate.Level.ROOT_BUBBLEWRAP, cell, {"A": "1"}, trusted=True)
    theirs = isolate.environment(isolate.Level.ROOT_BUBBLEWRAP, cell, {}, trusted=False)
    assert ours["A"] == "1"
    assert {"GOLIVE_DATA", "DATABASE_URL"} & ours.keys() == set()
    assert "PIP_INDEX_URL" not in theirs


def test_chosen_is_sorted() -> None:
    assert chosen(["b.py", "a.py", "c.md"], ["*.py"]) == ["a.py", "b.py"]


def test_journeys_become_a_step_of_their_own() -> None:
    said = definition.parsed(b'[pipeline.e2e]\ntests = ["checks/test_*.py"]\n[deploy]\nprocesses = {}')
    files = {"checks/test_login.py": "1", "checks/people.py": "2"}
    (step,) = plan(said.pipeline, files, Wish([Stage.E2E])).steps
    assert "golive-journeys" in step.commands[0]
    assert step.environment["TESTS"] == "checks/test_login.py"
    assert not step.cacheable, "the preview is no file"
    assert said.deploys


def test_affected_tests_run_first_and_all_of_them_after() -> None:
    text = b'[pipeline.unit]\nrun = ["echo x", "python -m pytest -q $TESTS"]\naffected = true'
    (step,) = plan(definition.parsed(text).pipeline, {}, Wish([Stage.UNIT]), tree="t").steps
    echoed, first, then = step.commands
    assert echoed == "echo x"
    assert "python -m pytest -q $TESTS --testmon --testmon-forceselect || test $? = 5" in first
    assert "python -m pytest -q $TESTS --testmon-noselect" in then
    assert then.endswith("else python -m pytest -q $TESTS; fi"), "without the plugin all of them run"
    assert step.caches == (".testmon",)
    assert step.environment["TESTMON_DATAFILE"] == ".testmon/data"

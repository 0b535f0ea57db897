"""Journeys elsewhere: what a probe lets itself be asked, and which regions run them. A real run is in test_remote."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from golive.checks import errands
from golive.checks.errand_runner import ErrandRunner
from golive.checks.errands import Errand, NotAllowed, Repository, errand_of
from golive.checks.kinds.journey import JourneySection
from golive.checks.models import Probe
from golive.checks.outbox import MOST_BYTES, Outbox
from golive.checks.probe import Target
from golive.journeys import Outcome, Result, Results
from golive.journeys.results import Evidence
from golive.journeys.told import LONGEST_DETAIL, MOST_JOURNEYS, told_of
from tests.checks.test_remote import until

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    home = tmp_path / "repository"
    (home / "checks").mkdir(parents=True)
    (tmp_path / "test_outside.py").write_text("raise SystemExit('ran')")
    (home / "checks" / "test_in.py").write_text("")
    (home / "checks" / "deploy.py").write_text("raise SystemExit('ran')")
    (home / "checks" / "test_link.py").symlink_to(home / "checks" / "test_in.py")
    (home / "checks" / "test_out.py").symlink_to(tmp_path / "test_outside.py")
    (home / "checks" / "test_other.py").symlink_to(home / "checks" / "deploy.py")
    (home / "away").symlink_to(tmp_path)
    (home / "test_folder.py").mkdir()
    return Repository(home)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("checks/test_in.py", ""),
        ("checks/./test_in.py", ""),
        ("checks/test_link.py", ""),  # a link that stays inside
        ("../test_outside.py", "leaves the folder"),
        ("checks/../../test_outside.py", "leaves the folder"),
        ("/etc/test_passwd.py", "leaves the folder"),
        ("checks/test_in.py\0", "leaves the folder"),
        ("checks/test_out.py", "leads out of the folder"),
        ("away/test_outside.py", "leads out of the folder"),
        ("checks/test_other.py", "is no file of journeys"),
        ("test_folder.py", "is no file of journeys"),
        ("checks/deploy.py", "not named like a journey"),
        ("--rootdir=/", "not named like a journey"),
        ("-p os", "not named like a journey"),
        ("checks/test_in.py::test_x", "not named like a journey"),
        ("checks/test_missing.py", "update it"),
    ],
)
def test_only_journeys_inside_the_repository_are_run(repository: Repository, file: str, said: str) -> None:
    if not said:
        assert repository.allowed([file]) == ["checks/test_in.py"]
        return
    with pytest.raises(NotAllowed, match=said):
        repository.allowed(["checks/test_in.py", file])


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["CARD"], ""),
        (["CARD", "PIN"], "lacks PIN"),
        (["GOLIVE_PROBE_TOKEN"], "is not handed to journeys"),
        (["A=B"], "is not handed to journeys"),
    ],
)
def test_variables_are_the_probes_own(names: list[str], said: str) -> None:
    own = {"CARD": "4242", "GOLIVE_PROBE_TOKEN": "glt_x", "OTHER": "1"}
    if not said:
        assert errands.variables_of(names, own) == {"CARD": "4242"}
        return
    with pytest.raises(NotAllowed, match=said):
        errands.variables_of(names, own)


def test_no_value_and_no_command_is_sent() -> None:
    wanted = JourneySection.model_validate(
        {"file": "test_a.py", "python": "/bin/evil", "environment": {"CARD": "secret:card", "LD_PRELOAD": "/evil.so"}}
    )
    target = Target(7, "acme", "buy", "https://acme.example", wanted.every, wanted=wanted, secrets={"CARD": "4242"})
    sent = errand_of(target, wanted)
    assert Errand.model_validate(sent).variables == ["CARD", "LD_PRELOAD"]
    assert not any(word in json.dumps(sent) for word in ("evil", "4242", "secret:"))


def probe(region: str, *, able: bool, seen: int | None = 0) -> Probe:
    at = None if seen is None else NOW - timedelta(seconds=seen)
    return Probe(name=f"{region}-1", region=region, seen_at=at, details={"journeys": 1} if able else {})


@pytest.mark.parametrize(
    ("probes", "out", "way"),
    [
        ([probe("eu", able=True)], "", ""),
        ([probe("eu", able=True, seen=120), probe("eu", able=True)], "", ""),
        ([probe("eu", able=True, seen=120)], "has been silent for 2m", ""),
        ([probe("eu", able=False)], "has no probe that runs journeys", "start its probe eu-1 with `--journeys FOLDER`"),
        ([probe("us", able=True)], "has no probe that runs journeys", "`golive probe add NAME --region eu`"),
        ([], "has no probe that runs journeys", "`golive probe add NAME --region eu`"),
    ],
)
def test_which_regions_can_run_journeys(probes: list[Probe], out: str, way: str) -> None:
    assert errands.out_of(["built-in", "eu"], probes, NOW) == {"built-in": "", "eu": out}
    assert way in errands.way_out("eu", probes)
    assert bool(errands.way_out("eu", probes)) is bool(way)


def test_what_is_told_of_a_run_is_bounded_and_names_no_path(tmp_path: Path) -> None:
    files = tuple(Evidence("screenshot", tmp_path / name) for name in ("a.png", "b.html", ".hidden.png"))
    bad = Result("t.py::test_z", ("a.b",), Outcome.FAILED, "no" * 400, 1.0, "ab", "x" * 9_000 + "end", evidence=files)
    good = [Result(f"t.py::test_{n}", ("a.b",), Outcome.PASSED, "", 1.0, detail="long") for n in range(MOST_JOURNEYS)]
    told = told_of(Results(Outcome.FAILED, "no", (*good, bad), timedelta(seconds=2), tmp_path), "0" * 32, "/place")
    assert len(told.results) == MOST_JOURNEYS
    assert told.results[-1].name == "test_z"
    assert (told.files, told.place) == (["a.png"], "/place")
    assert len(told.results[-1].detail) == LONGEST_DETAIL
    assert told.results[0].detail == ""


def test_a_batch_is_no_larger_than_a_request_may_be(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.add([{"n": n, "text": "x" * (MOST_BYTES // 4)} for n in range(6)])
    outbox.add([{"n": 6, "text": "x" * (MOST_BYTES + 1)}])
    assert [look["n"] for look in outbox.first(100)[1]] == [0, 1, 2]
    outbox.forget(6)
    first, looks = outbox.first(100)
    assert (first, [look["n"] for look in looks]) == (7, [6])
    outbox.close()


def test_what_the_probe_refuses_is_unknown_with_its_reason(repository: Repository, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    runner = ErrandRunner(repository, tmp_path, outbox, httpx.Client(base_url="http://127.0.0.1:1"))
    runner.began = False  # as one that is added later: at once
    errand = {"number": 7, "name": "buy", "files": ["../test_outside.py"], "url": "http://127.0.0.1:1", "every": 60,
              "timeout": 5}  # fmt: skip
    runner.replace({"journeys": [errand, {"number": 8}]})
    stop = threading.Event()
    thread = threading.Thread(target=runner.run, args=(stop,))
    thread.start()
    looks = until(lambda: outbox.first(10)[1])
    stop.set()
    thread.join(30)
    assert (looks[0]["check"], looks[0]["outcome"]) == (7, "fault")
    assert "leaves the folder" in looks[0]["reason"]
    assert list((tmp_path / "runs").iterdir()) == []
    outbox.close()

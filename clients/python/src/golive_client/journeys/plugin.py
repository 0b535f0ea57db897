"""The pytest plugin: the marker, the fixtures, and results for golive.

`pytest --journeys=DIR` runs journeys only and leaves their results and evidence in DIR; that is how golive calls it.
"""

import os
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from golive_client.journeys.mark import proofs
from golive_client.journeys.record import Folder, Record, Unable
from golive_client.journeys.steps import NOW
from golive_client.journeys.tag import Tag

RECORD = pytest.StashKey[Record]()
TAG = pytest.StashKey[Tag]()
FOLDER = pytest.StashKey[Folder]()
COLLECTED = pytest.StashKey[int]()
UNABLE = (Unable, pytest.FixtureLookupError)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("golive journeys")
    group.addoption("--journeys", metavar="DIR", help="run journeys only and leave results and evidence in DIR")
    group.addoption("--prove", action="append", default=[], metavar="NAME", help="only journeys that prove this")
    group.addoption("--journey-url", metavar="URL", help="the site to run journeys against (or GOLIVE_BASE_URL)")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "journey(proves): a customer's journey and what it proves, as auth.login")
    url = config.getoption("--journey-url") or os.environ.get("GOLIVE_BASE_URL", "")
    if config.pluginmanager.has_plugin("base_url"):  # pytest-base-url has the same fixture
        config.option.base_url = config.option.base_url or url or None
    else:
        config.pluginmanager.import_plugin("golive_client.journeys.site")
    if find_spec("httpx"):
        config.pluginmanager.import_plugin("golive_client.journeys.http")
        config.pluginmanager.import_plugin("golive_client.journeys.mail")
    if find_spec("playwright"):
        config.pluginmanager.import_plugin("golive_client.journeys.browser")
    if folder := config.getoption("--journeys"):
        config.stash[FOLDER] = Folder(Path(folder))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept, other = [], []
    wanted = set(config.getoption("--prove"))
    for item in items:
        try:
            proves = proofs(item)
        except ValueError as error:
            raise pytest.UsageError(f"{item.nodeid}: {error}") from None
        if proves is None or (wanted and not wanted & set(proves)):
            other.append(item)
            continue
        item.stash[TAG] = Tag.new(item.name)
        item.stash[RECORD] = Record(item.nodeid, proves, item.stash[TAG].trace_id)
        kept.append(item)
    if wanted or FOLDER in config.stash:
        items[:] = kept
        config.hook.pytest_deselected(items=other)
    config.stash[COLLECTED] = len(kept)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, Any, Any]:
    NOW.begin()
    done = yield
    if RECORD in item.stash and FOLDER in item.config.stash:
        record = item.stash[RECORD]
        record.steps = tuple(NOW.steps)
        item.config.stash[FOLDER].write(record)
    return done


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    record = item.stash.get(RECORD, None)
    if record is None:
        return report
    record.seconds += report.duration
    if report.when == "call" and report.passed:
        record.outcome = "passed"
    elif not report.passed and record.outcome in ("passed", "error"):
        broken = call.excinfo is not None and call.excinfo.errisinstance(UNABLE)
        record.outcome = "skipped" if report.skipped else "error" if broken else "failed"
        record.reason = _reason(call)
        record.detail = report.longreprtext
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if FOLDER in session.config.stash:
        session.config.stash[FOLDER].close(session.config.stash.get(COLLECTED, 0), int(exitstatus))


def _reason(call: pytest.CallInfo[None]) -> str:
    if call.excinfo is None:
        return ""
    lines = [line.strip() for line in str(call.excinfo.value).splitlines() if line.strip()]
    return (lines[0] if lines else call.excinfo.typename)[:300]


@pytest.fixture
def journey_tag(request: pytest.FixtureRequest) -> Tag:
    """The tag that this test's requests carry."""
    tag = request.node.stash.get(TAG, None)
    return tag if isinstance(tag, Tag) else Tag.new(request.node.name)


@pytest.fixture
def journey_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Where evidence goes."""
    return request.config.stash.get(FOLDER, None) or Folder(tmp_path_factory.mktemp("journeys"))

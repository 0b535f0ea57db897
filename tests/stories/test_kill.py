"""kill -9 of each process during ingest, SIGTERM of all: afterwards the store has every acknowledged record once."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from examples.demo.install import Install
from tests.stories.senders import Sender, settled

pytestmark = [pytest.mark.story]


@pytest.fixture(scope="module")
def golive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Install]:
    install = Install(tmp_path_factory.mktemp("kill"))
    install.start()
    yield install
    install.kill_all()


@pytest.fixture(scope="module")
def key(golive: Install) -> str:
    return str(golive.json("project", "add", "kills")["ingest_key"])


@pytest.mark.parametrize("name", ["store", "ingest", "pager", "web"])
def test_killed_process_loses_and_doubles_nothing(golive: Install, key: str, name: str) -> None:
    service = f"killed-{name}"
    with Sender(golive, key, service).sending() as sender:
        time.sleep(1.5)
        for _ in range(2):
            golive.wait_back(name, golive.kill(name), 90)
            time.sleep(0.5)
    total, different = settled(golive, service, sender.acknowledged)
    print(f"{name}: {sender.acknowledged} acknowledged, {sender.resent} resent, {total} in the store")
    assert (total, different) == (sender.acknowledged, sender.acknowledged)
    assert sender.acknowledged >= 500


def test_sdk_does_not_notice_that_store_pager_and_web_die(golive: Install, key: str) -> None:
    exporter = OTLPLogExporter(f"{golive.ingest_url}/v1/logs", headers={"authorization": f"Bearer {key}"})
    provider = LoggerProvider(Resource.create({"service.name": "sdk"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, schedule_delay_millis=200))
    logger = provider.get_logger("story")
    sent = 0
    for name in ("store", "pager", "web"):
        before = golive.kill(name)
        for _ in range(100):
            sent += 1
            logger.emit(severity_number=SeverityNumber.INFO, body=f"sdk {sent}")
            time.sleep(0.005)
        golive.wait_back(name, before, 90)
    assert provider.force_flush()
    provider.shutdown()
    assert settled(golive, "sdk", sent) == (sent, sent)


def test_sigterm_and_power_cut_lose_nothing(golive: Install, key: str) -> None:
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with Sender(golive, key, "stopped").sending() as sender:
        time.sleep(1.5)
        assert golive.stop(60) == 0
        golive.start()
        time.sleep(1)
        golive.kill_all()
        golive.start()
        time.sleep(1)
    total, different = settled(golive, "stopped", sender.acknowledged)
    print(f"{sender.acknowledged} acknowledged, {sender.resent} resent, {total} in the store")
    assert (total, different) == (sender.acknowledged, sender.acknowledged)


def test_one_reading_of_the_log_shows_what_was_restarted(golive: Install) -> None:
    said = Path(golive.log).read_text()
    for name in ("store", "ingest", "pager", "web"):
        assert f"{name} killed by SIGKILL; starting it again" in said

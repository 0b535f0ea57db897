"""Ingest keys: kept as digests, published to ingest, gone when revoked."""

import stat
from datetime import UTC, datetime
from hashlib import sha256

import orjson
import pytest
from django.test import TestCase

from golive.kit.folders import data_folder
from golive.people import endpoints, keys
from golive.people.models import IngestKey, KeyKind

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def published() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = orjson.loads((data_folder() / "run" / "ingest-keys.json").read_bytes())[
        "keys"
    ]
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GOLIVE_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.django_db
def test_each_change_is_published(folder) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True):
        project, ingest, public = keys.add_project("acme", "Acme")
    wanted = {"project": "acme", "project_id": project.pk}
    assert published() == {
        sha256(ingest.encode()).hexdigest(): wanted | {"kind": "ingest"},
        sha256(public.encode()).hexdigest(): wanted | {"kind": "dsn"},
    }
    path = folder / "run" / "ingest-keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ingest not in path.read_text()
    with TestCase.captureOnCommitCallbacks(execute=True):
        _, fresh = keys.rotate(project, KeyKind.INGEST, NOW)
    assert sha256(ingest.encode()).hexdigest() not in published()
    assert sha256(fresh.encode()).hexdigest() in published()
    with TestCase.captureOnCommitCallbacks(execute=True):
        keys.delete_project(project)
    assert published() == {}


@pytest.mark.django_db
def test_an_unchanged_file_is_left_alone(folder) -> None:
    keys.publish()
    before = (folder / "run" / "ingest-keys.json").stat().st_mtime_ns
    keys.publish()
    assert (folder / "run" / "ingest-keys.json").stat().st_mtime_ns == before


@pytest.mark.django_db
def test_an_ingest_key_is_not_kept() -> None:
    project, ingest, public = keys.add_project("acme", "Acme")
    kept = str(list(IngestKey.objects.values()))
    assert ingest.startswith("gli_")
    assert ingest not in kept
    assert len(public) == 32
    assert keys.public_key(project) == public


@pytest.mark.django_db
def test_what_to_paste(monkeypatch) -> None:
    monkeypatch.setenv("GOLIVE_INGEST_URL", "https://in.acme.example/")
    project, _, public = keys.add_project("acme", "Acme")
    variables = endpoints.environment(project, "gli_a-b_c", public)
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "https://in.acme.example"
    assert variables["OTEL_EXPORTER_OTLP_HEADERS"] == "Authorization=Bearer%20gli_a-b_c"
    assert variables["SENTRY_DSN"] == f"https://{public}@in.acme.example/{project.pk}"


@pytest.mark.parametrize(
    ("host", "port", "base"),
    [
        ("127.0.0.1", "4318", "http://127.0.0.1:4318"),
        ("0.0.0.0", "9", "http://127.0.0.1:9"),  # noqa: S104
        ("::1", "4318", "http://[::1]:4318"),
        ("golive.internal", "4318", "http://golive.internal:4318"),
    ],
)
def test_where_to_send(host: str, port: str, base: str, monkeypatch, settings) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8400"
    monkeypatch.delenv("GOLIVE_INGEST_URL", raising=False)
    monkeypatch.setenv("GOLIVE_HOST", host)
    monkeypatch.setenv("GOLIVE_INGEST_PORT", port)
    assert endpoints.ingest_base() == base

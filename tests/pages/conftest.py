"""A real store with a week of made-up telemetry, a project, and somebody who looks at it."""

import importlib.util
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from golive.people.models import Project, Role, User
from tests.telemetry.stores import running_store

SEED = Path(__file__).parents[2] / "scripts" / "seed.py"


@pytest.fixture(scope="session")
def seed() -> Any:
    """The module scripts/seed.py."""
    spec = importlib.util.spec_from_file_location("golive_seed", SEED)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def planned(seed: Any) -> list[tuple[datetime, str]]:
    now = datetime.now(UTC)
    return seed.releases(now - timedelta(days=8), now)


@pytest.fixture(scope="module")  # not longer: tests of other folders are about a store that is away
def store_with_data(
    seed: Any, planned: list[tuple[datetime, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, int]]:
    """A running store with eight days of acme; rows by table."""
    with running_store(tmp_path_factory.mktemp("pages")):
        yield seed.telemetry("acme", planned, datetime.now(UTC), 400, random.Random(7))


@pytest.fixture
def project(db: None, seed: Any, planned: list[tuple[datetime, str]], store_with_data: dict[str, int]) -> Project:
    made = Project.objects.create(slug="acme", name="acme")
    seed.deploys(made, planned)
    return made


@pytest.fixture
def ada(project: Project, client: Client) -> Client:
    """A browser in which Ada, an owner, is signed in."""
    client.force_login(User.objects.create_person("ada@acme.example", "correct horse battery", Role.OWNER))
    return client

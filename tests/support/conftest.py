"""A project whose inbox takes mail, form and chat."""

import pytest
from django.test import Client

from golive.notify.models import Channels
from golive.people.models import Project, Role, User
from golive.support.models import Inbox

SECRET = "chat secret"


@pytest.fixture
def project(db: None, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("CHAT_SECRET", SECRET)
    made = Project.objects.create(slug="acme", name="Acme", url="https://acme.example")
    Channels.objects.create(project=made, email="smtp://127.0.0.1:1", sender="alerts@acme.example")
    Inbox.objects.create(
        project=made,
        address="support@acme.example",
        tell=["team@acme.example"],
        chat_plans=["pro"],
        chat_secret="env:CHAT_SECRET",
    )
    return made


@pytest.fixture
def inbox(project: Project) -> Inbox:
    return Inbox.objects.select_related("project").get()


@pytest.fixture
def ada(project: Project, client: Client) -> Client:
    client.force_login(User.objects.create_person("ada@acme.example", "correct horse battery", Role.RESPONDER))
    return client

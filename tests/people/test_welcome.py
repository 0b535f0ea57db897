"""One-time links: good once, for a day, for what they were made for."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from golive.people import welcome
from golive.people.models import AuditEntry, Purpose, Role, User, WelcomeLink

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
GOOD = {"email": "ada@acme.example", "name": "Ada", "password": "correct horse battery"}


def link(**changed: object) -> WelcomeLink:
    fields = {"purpose": Purpose.OWNER, "expires_at": NOW + timedelta(hours=1), "used_at": None} | changed
    return WelcomeLink(**fields)


@pytest.mark.parametrize(
    ("found", "has_owner", "said"),
    [
        (None, False, "not known"),
        (link(), False, None),
        (link(), True, "has an owner already"),
        (link(expires_at=NOW), False, "expired"),
        (link(used_at=NOW - timedelta(minutes=1)), False, "used already"),
        (link(purpose=Purpose.INVITE, email="bob@acme.example"), True, None),
        (link(purpose=Purpose.RESET, email="bob@acme.example"), True, None),
    ],
)
def test_refusal(found: WelcomeLink | None, has_owner: bool, said: str | None) -> None:
    reason = welcome.refusal(found, NOW, has_owner)
    assert (reason is None) if said is None else (reason is not None and said in reason)


def path(url: str) -> str:
    return "/welcome/" + url.rsplit("/welcome/", 1)[1]


@pytest.mark.django_db
def test_the_owner_is_made_once() -> None:
    url = welcome.create(Purpose.OWNER, timezone.now(), role=Role.OWNER)
    token = url.rstrip("/").rsplit("/", 1)[1]
    assert not WelcomeLink.objects.filter(digest=token).exists()
    client = Client()
    assert client.get(path(url)).status_code == 200
    answer = client.post(path(url), GOOD)
    assert answer.status_code == 302
    owner = User.objects.get()
    assert (owner.email, owner.role) == ("ada@acme.example", Role.OWNER)
    assert client.get("/projects/").status_code == 200
    assert Client().get(path(url)).status_code == 410
    assert Client().post(path(url), GOOD | {"email": "eve@acme.example"}).status_code == 410
    assert User.objects.count() == 1
    assert AuditEntry.objects.filter(action="person.join").count() == 1


@pytest.mark.django_db
def test_a_weak_password_does_not_use_the_link_up() -> None:
    url = welcome.create(Purpose.OWNER, timezone.now(), role=Role.OWNER)
    assert Client().post(path(url), GOOD | {"password": "short"}).status_code == 200
    assert User.objects.count() == 0
    assert Client().post(path(url), GOOD).status_code == 302


@pytest.mark.django_db
def test_an_invitation_fixes_email_and_role() -> None:
    url = welcome.create(Purpose.INVITE, timezone.now(), email="bob@acme.example", role=Role.VIEWER)
    Client().post(path(url), GOOD | {"email": "eve@evil.example", "role": "owner"})
    assert list(User.objects.values_list("email", "role")) == [("bob@acme.example", "viewer")]


@pytest.mark.django_db
def test_a_new_link_ends_the_one_before() -> None:
    first = welcome.create(Purpose.OWNER, timezone.now(), role=Role.OWNER)
    second = welcome.create(Purpose.OWNER, timezone.now(), role=Role.OWNER)
    assert Client().get(path(first)).status_code == 410
    assert Client().get(path(second)).status_code == 200


@pytest.mark.django_db
def test_a_reset_sets_the_password_and_ends_sessions() -> None:
    person = User.objects.create_person("ada@acme.example", "the old password", Role.OWNER)
    stolen = Client()
    stolen.force_login(person)
    url = welcome.create(Purpose.RESET, timezone.now(), email=person.email)
    assert Client().post(path(url), {"password": "quite another one"}).status_code == 302
    person.refresh_from_db()
    assert person.check_password("quite another one")
    assert stolen.get("/people/").status_code == 302

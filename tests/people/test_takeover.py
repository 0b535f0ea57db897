"""Ways by which somebody could come to more than their role gives, or stay when they are out."""

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils import timezone

from golive.people import tokens, welcome
from golive.people.models import ApiToken, Purpose, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return User.objects.create_person("ada@acme.example", "a long password 1", Role.OWNER)


@pytest.fixture
def admin() -> User:
    return User.objects.create_person("bob@acme.example", "a long password 1", Role.ADMIN)


def call(value: str, method: str, path: str, body: object = None) -> int:
    client = Client(headers={"Authorization": f"Bearer {value}"})
    status: int = getattr(client, method)(f"/api/v1{path}", body, content_type="application/json").status_code
    return status


def test_an_admin_does_not_become_owner_by_a_token(owner: User, admin: User) -> None:
    _, value = tokens.create("everything", ["*"], by=admin)
    assert call(value, "patch", f"/people/{admin.pk}", {"role": "owner"}) == 403
    assert call(value, "post", "/invitations", {"email": "eve@evil.example", "role": "owner"}) == 403
    assert call(value, "patch", f"/people/{owner.pk}", {"active": False}) == 403
    assert call(value, "post", "/tokens", {"name": "child", "scopes": ["*"]}) == 201
    assert ApiToken.objects.get(name="child").created_by == admin
    admin.refresh_from_db()
    assert admin.role == Role.ADMIN


def test_only_a_token_that_may_do_everything_touches_owners(owner: User) -> None:
    other = User.objects.create_person("eve@acme.example", "a long password 1", Role.OWNER)
    _, narrow = tokens.create("people", ["people:write"])
    _, wide = tokens.create("everything", ["*"], by=owner)
    assert call(narrow, "patch", f"/people/{other.pk}", {"role": "viewer"}) == 403
    assert call(narrow, "patch", f"/people/{other.pk}", {"active": False}) == 403
    assert call(wide, "patch", f"/people/{other.pk}", {"role": "viewer"}) == 200


def test_tokens_end_with_the_person_who_made_them(admin: User) -> None:
    made, value = tokens.create("left behind", ["*"], by=admin)
    assert call(value, "get", "/projects") == 200
    User.objects.filter(pk=admin.pk).update(is_active=False)
    assert call(value, "get", "/projects") == 401
    made.refresh_from_db()
    assert tokens.standing(made, timezone.now()) == "maker disabled"


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.ADMIN}])
def test_links_end_with_the_role_of_who_made_them(owner: User, change: dict[str, object]) -> None:
    url = welcome.create(Purpose.INVITE, timezone.now(), email="eve@evil.example", role=Role.OWNER, by=owner)
    path = "/welcome/" + url.rsplit("/welcome/", 1)[1]
    assert Client().get(path).status_code == 200
    User.objects.filter(pk=owner.pk).update(**change)
    assert Client().get(path).status_code == 410


def test_a_reset_link_is_no_second_factor(owner: User) -> None:
    Authenticator.objects.create(user=owner, type=Authenticator.Type.TOTP, data={"secret": "x"})
    url = welcome.create(Purpose.RESET, timezone.now(), email=owner.email)
    client = Client()
    answer = client.post("/welcome/" + url.rsplit("/welcome/", 1)[1], {"password": "quite another one"})
    assert answer["Location"] == "/accounts/login/"
    assert client.get("/people/").status_code == 302
    owner.refresh_from_db()
    assert owner.check_password("quite another one")

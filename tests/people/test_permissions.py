"""Who may do what: the table of roles, and every page's door."""

import pytest
from django.test import Client

from golive.people import keys
from golive.people.models import Role, User


def person(role: Role) -> User:
    return User.objects.create_person(f"{role}@acme.example", "a long password 1", role, role.title())


@pytest.mark.parametrize(
    ("has", "wants", "allowed"),
    [
        (has, wants, order_has <= order_wants)
        for order_has, has in enumerate(Role)
        for order_wants, wants in enumerate(Role)
    ],
)
def test_each_role_includes_those_after_it(has: Role, wants: Role, allowed: bool) -> None:
    assert User(role=has, is_active=True).may(wants) is allowed
    assert User(role=has, is_active=False).may(wants) is False


DOORS = [
    ("/p/acme/settings/keys/", {}, Role.ADMIN),
    ("/tokens/", {"name": "x", "scopes": ["read"]}, Role.ADMIN),
    ("/p/acme/settings/details/", {"name": "Acme"}, Role.ADMIN),
    ("/p/acme/settings/deletion/", {"slug": "no"}, Role.OWNER),
    ("/projects/", {"name": "Other"}, Role.ADMIN),
    ("/people/", {"email": "new@acme.example", "role": "viewer"}, Role.OWNER),
    ("/people/1/role/", {"role": "viewer"}, Role.OWNER),
    ("/people/1/standing/", {}, Role.OWNER),
    ("/people/1/reset/", {}, Role.OWNER),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "form", "needed"), DOORS)
@pytest.mark.parametrize("role", list(Role))
def test_changes_are_for_those_who_may(path: str, form: dict[str, object], needed: Role, role: Role) -> None:
    keys.add_project("acme", "Acme")
    someone = person(role)
    client = Client()
    client.force_login(someone)
    answer = client.post(path, form)
    if someone.may(needed):
        assert answer.status_code in (200, 302, 404)
    else:
        assert answer.status_code == 403
        assert needed.label.lower() in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/p/acme/", "/p/acme/settings/", "/people/", "/audit/", "/search/", "/account/"])
def test_pages_ask_for_a_login(path: str) -> None:
    keys.add_project("acme", "Acme")
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.django_db
def test_the_only_owner_stays_owner() -> None:
    owner = person(Role.OWNER)
    client = Client()
    client.force_login(owner)
    client.post(f"/people/{owner.pk}/role/", {"role": "viewer"})
    client.post(f"/people/{owner.pk}/standing/", {})
    owner.refresh_from_db()
    assert (owner.role, owner.is_active) == (Role.OWNER, True)


@pytest.mark.django_db
def test_a_disabled_person_is_signed_out_at_once() -> None:
    owner, viewer = person(Role.OWNER), person(Role.VIEWER)
    theirs, ours = Client(), Client()
    theirs.force_login(viewer)
    ours.force_login(owner)
    assert theirs.get("/people/").status_code == 200
    ours.post(f"/people/{viewer.pk}/standing/", {})
    assert theirs.get("/people/").status_code == 302

"""The web's manners: headers, cross-site requests, redirects, limits, what is not there."""

import re

import pytest
from django.core.cache import cache
from django.test import Client

from golive.people import keys
from golive.people.models import Role, User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def owner() -> User:
    return User.objects.create_person("ada@acme.example", PASSWORD, Role.OWNER, "Ada")


@pytest.mark.parametrize("path", ["/accounts/login/", "/nowhere/", "/api/v1/projects", "/healthz"])
def test_security_headers(path: str) -> None:
    answer = Client().get(path)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "'unsafe-inline'" not in re.sub(r"style-src-attr[^;]*", "", policy)


def test_pages_hold_no_inline_script_or_handler(owner: User) -> None:
    keys.add_project("acme", "Acme")
    client = Client()
    client.force_login(owner)
    for path in ("/p/acme/", "/p/acme/settings/", "/people/", "/projects/", "/audit/", "/account/", "/search/?q=x"):
        page = client.get(path).content.decode()
        assert not re.search(r"<script(?![^>]*(src=|application/json))", page), path
        assert not re.search(r"<style|\son\w+=|javascript:", page), path


def test_changes_need_the_csrf_token(owner: User) -> None:
    keys.add_project("acme", "Acme")
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    for path in (
        "/p/acme/settings/keys/",
        "/tokens/",
        "/people/",
        "/projects/",
        "/accounts/logout/",
        "/accounts/login/",
    ):
        assert client.post(path, {}).status_code == 403, path


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_login_redirects_stay_here(owner: User, target: str) -> None:
    answer = Client().post(
        f"/accounts/login/?next={target}", {"login": owner.email, "password": PASSWORD, "next": target}
    )
    assert answer.status_code == 302
    assert answer["Location"] == "/"


def test_a_good_redirect_is_followed(owner: User) -> None:
    answer = Client().post("/accounts/login/", {"login": owner.email, "password": PASSWORD, "next": "/people/"})
    assert answer["Location"] == "/people/"


def test_guessing_passwords_is_limited(owner: User) -> None:
    client = Client()
    answers = [client.post("/accounts/login/", {"login": owner.email, "password": f"guess {n}"}) for n in range(7)]
    said = answers[-1].content.decode()
    assert "Too many failed login attempts" in said or answers[-1].status_code == 429
    right = client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    assert right.status_code != 302


@pytest.mark.parametrize("path", ["/accounts/signup/", "/accounts/email/", "/accounts/confirm-email/"])
def test_what_golive_does_not_offer_is_closed(path: str) -> None:
    assert Client().get(path).status_code == 404
    assert Client().post(path, {"email": "eve@evil.example", "password1": PASSWORD}).status_code == 404
    assert User.objects.count() == 0


def test_an_unknown_address_is_a_page_or_json() -> None:
    assert "Not found" in Client().get("/nowhere/").content.decode()
    assert Client().get("/api/v1/nowhere").json()["error"]["code"] == "not_found"


def test_nul_characters_are_refused() -> None:
    assert Client().get("/search/?q=%00").status_code == 400


def test_health() -> None:
    assert Client().get("/healthz").json() == {"status": "ok", "database": "ok"}


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Mars/Crater", "../../etc/passwd", "\udc80", "x" * 500])
def test_any_zone_cookie_is_survived(zone: str) -> None:
    client = Client()
    client.cookies["golive_zone"] = zone.encode("utf-8", "replace").decode()
    assert client.get("/accounts/login/").status_code == 200


def test_a_key_is_shown_once(owner: User) -> None:
    client = Client()
    client.force_login(owner)
    keys.add_project("acme", "Acme")
    client.post("/p/acme/settings/keys/")
    first, second = (client.get("/p/acme/settings/").content.decode() for _ in range(2))
    assert "gli_" in first
    assert "gli_" not in second


def test_a_project_is_removed_only_by_its_name(owner: User) -> None:
    client = Client()
    client.force_login(owner)
    project, *_ = keys.add_project("acme", "Acme")
    client.post("/p/acme/settings/deletion/", {"slug": "other"})
    assert type(project).objects.filter(slug="acme").exists()
    client.post("/p/acme/settings/deletion/", {"slug": "acme"})
    assert not type(project).objects.filter(slug="acme").exists()

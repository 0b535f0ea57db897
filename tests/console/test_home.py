"""The home page and search: what rooms say, and that one that fails leaves the others alone."""

import pytest
from django.http import HttpRequest
from django.test import Client

from golive import urls  # registers the rooms' panels before the tests put their own in place
from golive.console import panels
from golive.console.pages.home import sentence
from golive.people import keys
from golive.people.models import Project, Role, User


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(panels, "_sentences", [])
    monkeypatch.setattr(panels, "_panels", {})
    monkeypatch.setattr(panels, "_searches", {})
    return keys.add_project("acme", "Acme")[0]


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(User.objects.create_person("bob@acme.example", None, Role.VIEWER))
    return client


def broken(*_: object) -> str:
    raise RuntimeError("the store is away")


@pytest.mark.django_db
def test_the_sentence_is_put_together(project: Project) -> None:
    panels.register_sentence(panels.Sentence(20, lambda p: "1 deploy today"))
    panels.register_sentence(panels.Sentence(10, lambda p: f"{p.name} is up"))
    panels.register_sentence(panels.Sentence(15, broken))
    panels.register_sentence(panels.Sentence(16, lambda p: None))
    assert sentence(project) == f"{project.name} is up; 1 deploy today."


@pytest.mark.django_db
def test_the_sentence_begins_with_the_project(project: Project) -> None:
    panels.register_sentence(panels.Sentence(20, lambda p: "1 deploy today"))
    assert sentence(project) == f"{project.name}: 1 deploy today."


@pytest.mark.django_db
def test_panels_stand_in_order_and_load_by_themselves(project: Project, viewer: Client) -> None:
    def hello(request: HttpRequest, project: Project) -> str:
        return f"<p>hello {project.slug}</p>"

    panels.register_panel(panels.Panel("state", 30, 6, broken))
    panels.register_panel(panels.Panel("signups", 10, 3, hello))
    page = viewer.get("/p/acme/").content.decode()
    assert page.index("panel-signups") < page.index("panel-state")
    assert 'hx-get="/p/acme/panels/signups/"' in page
    assert viewer.get("/p/acme/panels/signups/").content == b"<p>hello acme</p>"
    failed = viewer.get("/p/acme/panels/state/")
    assert (failed.status_code, "No answer for state" in failed.content.decode()) == (200, True)
    assert viewer.get("/p/acme/panels/nobody/").status_code == 404


@pytest.mark.django_db
def test_an_empty_install_leads_to_projects(viewer: Client) -> None:
    assert viewer.get("/")["Location"] == "/projects/"
    assert "golive project add" in viewer.get("/projects/").content.decode()
    assert viewer.get("/search/?q=x").status_code == 200


@pytest.mark.django_db
def test_search_shows_what_was_not_searched(project: Project, viewer: Client) -> None:
    panels.register_search(panels.Search("Logs", 10, lambda p, text, limit: [panels.Hit(f"<b>{text}</b>", "/x")]))
    panels.register_search(panels.Search("Traces", 20, broken))
    page = viewer.get("/search/", {"q": "boom", "project": "acme"}).content.decode()
    assert "1 found for “boom” in Acme" in page
    assert "&lt;b&gt;boom&lt;/b&gt;" in page
    assert "gave no answer: Traces" in page


@pytest.mark.django_db
def test_first_goes_to_the_project_seen_last(project: Project, viewer: Client) -> None:
    keys.add_project("beta", "Beta")
    assert viewer.get("/")["Location"] == "/p/acme/"
    viewer.get("/p/beta/")
    assert viewer.get("/")["Location"] == "/p/beta/"


def test_each_place_has_a_key_of_its_own() -> None:
    keys_taken = [entry.key for module in urls.PAGES for entry in getattr(module, "NAVIGATION", [])]
    assert sorted(keys_taken) == sorted(set(keys_taken))

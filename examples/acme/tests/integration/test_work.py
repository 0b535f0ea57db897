"""Projects, tasks, the report, and walls between teams."""

import re

import pytest

from tests.integration.conftest import Browser


def new_project(browser: Browser, name: str = "Launch") -> int:
    answer = browser.post("/app/projects", "/app", name=name)
    assert answer.status_code == 303, answer.text
    return int(answer.headers["location"].rpartition("/")[2])


def new_task(browser: Browser, project: int, title: str, due_on: str = "") -> int:
    browser.post(f"/app/projects/{project}/tasks", f"/app/projects/{project}", title=title, due_on=due_on)
    found = re.findall(r'action="/app/tasks/(\d+)"', browser.get(f"/app/projects/{project}"))
    return max(int(ident) for ident in found)


def test_a_task_from_idea_to_done(browser: Browser) -> None:
    browser.sign_up()
    project = new_project(browser)
    task = new_task(browser, project, "Write <b>the</b> announcement", "2020-01-01")
    page = browser.get(f"/app/projects/{project}")
    assert "Write &lt;b&gt;the&lt;/b&gt; announcement" in page
    assert "Overdue since" in page
    assert "1 overdue" in browser.get("/app/reports")
    browser.post(f"/app/tasks/{task}", f"/app/projects/{project}", status="done")
    assert "0 open · 1 done" in browser.get("/app")
    report = browser.get("/app/reports")
    assert "1 task done in twelve weeks" in report
    assert "1 min" in report
    browser.post(f"/app/tasks/{task}/delete", f"/app/projects/{project}")
    assert "Nothing to do yet" in browser.get(f"/app/projects/{project}")


@pytest.mark.parametrize("wrong", [{"title": ""}, {"title": "x" * 201}, {"title": "x", "due_on": "soon"}])
def test_a_wrong_task_is_explained(browser: Browser, wrong: dict[str, str]) -> None:
    browser.sign_up()
    project = new_project(browser)
    answer = browser.post(f"/app/projects/{project}/tasks", f"/app/projects/{project}", **wrong)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_the_free_plan_is_full_after_three(browser: Browser) -> None:
    browser.sign_up()
    token = browser.form_token("/app")
    for name in ("one", "two", "three"):
        new_project(browser, name)
    answer = browser.client.post("/app/projects", data={"form_token": token, "name": "four"})
    assert answer.status_code == 422
    assert "holds 3 projects" in answer.text


def test_deleting_a_project_takes_its_tasks(browser: Browser) -> None:
    browser.sign_up()
    project = new_project(browser)
    new_task(browser, project, "x")
    browser.post(f"/app/projects/{project}/delete", f"/app/projects/{project}")
    assert browser.client.get(f"/app/projects/{project}").status_code == 404


def test_another_teams_work_does_not_exist(browser: Browser, other: Browser) -> None:
    browser.sign_up()
    project = new_project(browser, "Secret plan")
    task = new_task(browser, project, "Secret task")
    other.sign_up("eve@example.com", "Evil")
    attempts = [
        (f"/app/projects/{project}/tasks", {"title": "intruder"}),
        (f"/app/projects/{project}/delete", {}),
        (f"/app/tasks/{task}", {"status": "done"}),
        (f"/app/tasks/{task}/delete", {}),
    ]
    assert other.client.get(f"/app/projects/{project}").status_code == 404
    for path, values in attempts:
        assert other.post(path, "/app", **values).status_code == 404, path
    assert "Secret" not in other.get("/app") + other.get("/app/reports")
    assert "Secret task" in browser.get(f"/app/projects/{project}")


@pytest.mark.parametrize("path", ["/app", "/app/reports", "/app/projects/1", "/team", "/billing"])
def test_pages_of_the_product_need_a_login(browser: Browser, path: str) -> None:
    answer = browser.client.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")

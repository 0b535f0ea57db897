"""The core of acme: a project, a task, done."""

from collections.abc import Callable
from secrets import token_hex

from golive_client.journeys import journey, step
from playwright.sync_api import Page, expect

from checks.people import Person


@journey(proves="product.tasks")
def test_work(page: Page, member: Person, log_in: Callable[[Person], None]) -> None:
    project, task = f"Launch {token_hex(3)}", f"Write the mail {token_hex(3)}"
    log_in(member)
    with step("add a project"):
        page.get_by_label("Name of the new project").fill(project)
        page.get_by_role("button", name="Add project").click()
        if page.get_by_role("heading", level=1).inner_text() != project:
            page.get_by_role("link", name=project).click()
    with step("add a task and do it"):
        page.get_by_label("Title of the new task").fill(task)
        page.get_by_role("button", name="Add task").click()
        page.get_by_label(f"Status of {task}").get_by_role("button", name="Done").click()
        expect(page.get_by_text("0 open · 1 done")).to_be_visible()
    with step("delete the project"):
        page.get_by_text("Delete project", exact=True).click()
        page.get_by_role("button", name="Delete project and tasks").click()
        expect(page.get_by_role("link", name=project)).to_have_count(0)

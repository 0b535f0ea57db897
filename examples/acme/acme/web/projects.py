"""The product: projects, their tasks, and the report."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request, Response

from acme import onboarding
from acme.database import Db
from acme.flags import PROJECT_FIGURES, enabled
from acme.models import Status
from acme.onboarding import Step
from acme.people import Refused
from acme.plans import PLANS, room_for_project
from acme.reports import report
from acme.telemetry.events import Event, tell
from acme.web.identity import Member, Now
from acme.web.render import go, page
from acme.work import Work

router = APIRouter(prefix="/app", include_in_schema=False)

Text = Annotated[str, Form()]


@router.get("")
def projects(request: Request, db: Db, user: Member) -> Response:
    return _projects_page(request, db, user)


@router.post("/projects")
def add_project(request: Request, db: Db, user: Member, name: Text = "") -> Response:
    try:
        project = Work(db, user.account_id).add_project(name)
    except Refused as error:
        return _projects_page(request, db, user, problem=str(error))
    onboarding.reach(db, user, Step.PROJECT)
    return go(f"/app/projects/{project.id}")


@router.get("/projects/{project_id}")
def project(request: Request, db: Db, user: Member, project_id: int) -> Response:
    return _project_page(request, db, user, project_id)


@router.post("/projects/{project_id}/delete")
def remove_project(db: Db, user: Member, project_id: int) -> Response:
    if not Work(db, user.account_id).remove_project(project_id):
        raise HTTPException(404)
    return go("/app", told="The project is deleted.")


@router.post("/projects/{project_id}/tasks")
def add_task(request: Request, db: Db, user: Member, project_id: int, title: Text = "", due_on: Text = "") -> Response:
    try:
        task = Work(db, user.account_id).add_task(project_id, title, _day(due_on))
    except Refused as error:
        return _project_page(request, db, user, project_id, problem=str(error))
    if task is None:
        raise HTTPException(404)
    tell(Event.TASK_CREATED, user)
    onboarding.reach(db, user, Step.TASK)
    return go(f"/app/projects/{project_id}")


@router.post("/tasks/{task_id}")
def move_task(db: Db, user: Member, at: Now, task_id: int, status: Annotated[Status, Form()]) -> Response:
    task = Work(db, user.account_id).move_task(task_id, status, at)
    if task is None:
        raise HTTPException(404)
    return go(f"/app/projects/{task.project_id}")


@router.post("/tasks/{task_id}/delete")
def remove_task(db: Db, user: Member, task_id: int) -> Response:
    task = Work(db, user.account_id).remove_task(task_id)
    if task is None:
        raise HTTPException(404)
    return go(f"/app/projects/{task.project_id}")


@router.get("/reports")
def reports(request: Request, db: Db, user: Member, at: Now) -> Response:
    figures = report(db, user.account_id, at.date(), by_project=enabled(PROJECT_FIGURES, user, True))
    tell(Event.REPORT_VIEWED, user)
    return page(request, "reports.html", report=figures)


def _projects_page(request: Request, db: Db, user: Member, problem: str = "") -> Response:
    summaries = Work(db, user.account_id).projects()
    plan = PLANS[user.account.plan]
    return page(
        request,
        "projects.html",
        status=422 if problem else 200,
        summaries=summaries,
        full=not room_for_project(plan, len(summaries)),
        steps=onboarding.progress(db, user.account_id),
        problem=problem,
    )


def _project_page(request: Request, db: Db, user: Member, project_id: int, problem: str = "") -> Response:
    work = Work(db, user.account_id)
    project = work.project(project_id)
    if project is None:
        raise HTTPException(404)
    tasks = work.tasks(project_id)
    return page(
        request,
        "project.html",
        status=422 if problem else 200,
        project=project,
        tasks=tasks,
        done=sum(task.status == Status.DONE for task in tasks),
        statuses=list(Status),
        today=date.today(),
        problem=problem,
    )


def _day(text: str) -> date | None:
    """A day from a date field. Raises Refused."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused("The due day is not a date.") from error

"""Projects and tasks as JSON."""

from datetime import date, datetime

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from acme import onboarding
from acme.api.identity import Caller
from acme.database import Db
from acme.models import Status
from acme.onboarding import Step
from acme.people import Refused
from acme.reports import report
from acme.telemetry.events import Event, tell
from acme.web.identity import Now
from acme.work import Work

router = APIRouter(prefix="/api")


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Me(BaseModel):
    id: int
    name: str
    email: str
    team: str
    plan: str


class ProjectIn(BaseModel):
    name: str = Field(min_length=1, max_length=80)


class ProjectOut(Shown):
    id: int
    name: str
    created_at: datetime


class TaskIn(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    due_on: date | None = None


class TaskOut(Shown):
    id: int
    project_id: int
    title: str
    status: Status
    due_on: date | None
    created_at: datetime
    done_at: datetime | None


class TaskChange(BaseModel):
    status: Status


class ReportOut(BaseModel):
    open: int
    done: int
    overdue: int


@router.get("/me")
def me(user: Caller) -> Me:
    return Me(id=user.id, name=user.name, email=user.email, team=user.account.name, plan=user.account.plan)


@router.get("/projects")
def projects(db: Db, user: Caller) -> list[ProjectOut]:
    return [ProjectOut.model_validate(summary.project) for summary in Work(db, user.account_id).projects()]


@router.post("/projects", status_code=201)
def add_project(db: Db, user: Caller, wanted: ProjectIn) -> ProjectOut:
    try:
        made = ProjectOut.model_validate(Work(db, user.account_id).add_project(wanted.name))
    except Refused as error:
        raise HTTPException(409, str(error)) from error
    onboarding.reach(db, user, Step.PROJECT)
    return made


@router.delete("/projects/{project_id}", status_code=204)
def remove_project(db: Db, user: Caller, project_id: int) -> Response:
    if not Work(db, user.account_id).remove_project(project_id):
        raise HTTPException(404)
    return Response(status_code=204)


@router.get("/projects/{project_id}/tasks")
def tasks(db: Db, user: Caller, project_id: int) -> list[TaskOut]:
    work = Work(db, user.account_id)
    if work.project(project_id) is None:
        raise HTTPException(404)
    return [TaskOut.model_validate(task) for task in work.tasks(project_id)]


@router.post("/projects/{project_id}/tasks", status_code=201)
def add_task(db: Db, user: Caller, project_id: int, wanted: TaskIn) -> TaskOut:
    try:
        task = Work(db, user.account_id).add_task(project_id, wanted.title, wanted.due_on)
    except Refused as error:
        raise HTTPException(422, str(error)) from error
    if task is None:
        raise HTTPException(404)
    tell(Event.TASK_CREATED, user)
    onboarding.reach(db, user, Step.TASK)
    return TaskOut.model_validate(task)


@router.patch("/tasks/{task_id}")
def move_task(db: Db, user: Caller, at: Now, task_id: int, change: TaskChange) -> TaskOut:
    task = Work(db, user.account_id).move_task(task_id, change.status, at)
    if task is None:
        raise HTTPException(404)
    return TaskOut.model_validate(task)


@router.delete("/tasks/{task_id}", status_code=204)
def remove_task(db: Db, user: Caller, task_id: int) -> Response:
    if Work(db, user.account_id).remove_task(task_id) is None:
        raise HTTPException(404)
    return Response(status_code=204)


@router.get("/report")
def figures(db: Db, user: Caller, at: Now) -> ReportOut:
    made = report(db, user.account_id, at.date())
    tell(Event.REPORT_VIEWED, user)
    return ReportOut(open=made.open, done=made.done, overdue=made.overdue)

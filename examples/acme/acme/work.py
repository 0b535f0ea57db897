"""Projects and tasks of one account. Every query names the account: another one's objects do not exist here."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from acme.models import Account, Project, Status, Task
from acme.people import Refused
from acme.plans import PLANS, room_for_project


@dataclass(frozen=True)
class ProjectSummary:
    """A project with how many of its tasks stand where."""

    project: Project
    open: int
    done: int

    @property
    def share_done(self) -> int:
        """Percent."""
        total = self.open + self.done
        return round(100 * self.done / total) if total else 0


class Work:
    """The work of one account."""

    def __init__(self, db: Session, account_id: int) -> None:
        self._db = db
        self._account_id = account_id

    def projects(self) -> list[ProjectSummary]:
        """All projects with their counts, by name."""
        done = func.count(Task.id).filter(Task.status == Status.DONE)
        counted = (
            select(Project, func.count(Task.id) - done, done)
            .outerjoin(Task, (Task.account_id == Project.account_id) & (Task.project_id == Project.id))
            .where(Project.account_id == self._account_id)
            .group_by(Project.id)
            .order_by(func.lower(Project.name), Project.id)
        )
        return [ProjectSummary(*row) for row in self._db.execute(counted)]

    def project(self, project_id: int) -> Project | None:
        return self._db.scalar(select(Project).where(Project.account_id == self._account_id, Project.id == project_id))

    def add_project(self, name: str) -> Project:
        """Raises Refused when the name is wrong or the plan is full."""
        name = " ".join(name.split())
        if not name or len(name) > 80:
            raise Refused("Give the project a name of at most 80 characters.")
        account = self._db.execute(select(Account).where(Account.id == self._account_id).with_for_update()).scalar_one()
        count = self._db.scalar(select(func.count(Project.id)).where(Project.account_id == self._account_id)) or 0
        plan = PLANS[account.plan]
        if not room_for_project(plan, count):
            self._db.rollback()
            raise Refused(f"The {plan.name} plan holds {plan.projects} projects. Upgrade for more.")
        project = Project(account_id=self._account_id, name=name)
        self._db.add(project)
        self._db.commit()
        return project

    def remove_project(self, project_id: int) -> bool:
        """Delete a project with its tasks; False when there is none."""
        gone = delete(Project).where(Project.account_id == self._account_id, Project.id == project_id)
        found = self._db.execute(gone.returning(Project.id)).first()
        self._db.commit()
        return found is not None

    def tasks(self, project_id: int, *, limit: int = 200) -> list[Task]:
        """A project's tasks: open ones first, the newest first."""
        wanted = select(Task).where(Task.account_id == self._account_id, Task.project_id == project_id)
        return list(self._db.scalars(wanted.order_by(Task.status == Status.DONE, Task.id.desc()).limit(limit)))

    def task(self, task_id: int) -> Task | None:
        return self._db.scalar(select(Task).where(Task.account_id == self._account_id, Task.id == task_id))

    def add_task(self, project_id: int, title: str, due_on: date | None = None) -> Task | None:
        """None when there is no such project. Raises Refused."""
        title = " ".join(title.split())
        if not title or len(title) > 200:
            raise Refused("Give the task a title of at most 200 characters.")
        if self.project(project_id) is None:
            return None
        task = Task(account_id=self._account_id, project_id=project_id, title=title, due_on=due_on)
        self._db.add(task)
        self._db.commit()
        return task

    def move_task(self, task_id: int, status: Status, now: datetime) -> Task | None:
        """Set a task's status; None when there is no such task."""
        task = self.task(task_id)
        if task is None:
            return None
        if status == Status.DONE and task.status != Status.DONE:
            task.done_at = now
        elif status != Status.DONE:
            task.done_at = None
        task.status = status
        self._db.commit()
        return task

    def remove_task(self, task_id: int) -> Task | None:
        """Delete a task and return it as it was; None when there is none."""
        task = self.task(task_id)
        if task is not None:
            self._db.delete(task)
            self._db.commit()
        return task

"""A deploy that went wrong is a flip, from which an incident opens; well again is one too."""

from datetime import datetime

from django.db import transaction

from golive.alerts import flips
from golive.alerts.models import Flip, Severity, State
from golive.people.models import Project
from golive.releases.models import Deploy, DeployKind, DeployState, Environment


def broke(deploy: Deploy, at: datetime) -> None:
    """Say that a deploy failed, and that the release before it serves again where it does."""
    environment, back = deploy.environment, deploy.previous
    if environment.is_preview:  # whoever opened the pull request hears of it there
        return
    stuck = deploy.state == DeployState.STUCK
    with transaction.atomic():
        _flip(environment, State.FIRING, Severity.CRITICAL if stuck else Severity.WARNING, deploy, deploy.reason, at)
        if not stuck and back is not None:
            how = "serves again" if deploy.state == DeployState.ROLLED_BACK else "never stopped serving"
            _flip(environment, State.OK, Severity.WARNING, deploy, f"{back.release.name} {how}", at)


def mended(deploy: Deploy, at: datetime) -> None:
    """A deploy went well: end the trouble of one that did not, if it is still on."""
    with transaction.atomic():
        if Environment.objects.filter(pk=deploy.environment_id, trouble=State.FIRING).exists():
            _flip(deploy.environment, State.OK, Severity.WARNING, deploy, f"{deploy.release.name} serves", at)


def _flip(environment: Environment, new: State, severity: Severity, deploy: Deploy, reason: str, at: datetime) -> None:
    old = State(Environment.objects.select_for_update().get(pk=environment.pk).trouble)
    if old == new and new != State.FIRING:
        return
    Environment.objects.filter(pk=environment.pk).update(trouble=new)
    verb = "Rollback to" if deploy.kind == DeployKind.ROLLBACK else "Deploy of"
    flips.record(
        environment.project,
        f"deploy:{environment.name}",
        title=f"{verb} {deploy.release.name} to {environment.name} {deploy.state}",
        old=old,
        new=new,
        severity=severity,
        reason=reason,
        at=at,
        service=environment.project.slug,
        environment=environment.name,
        link=deploy.link,
        evidence={"deploy": deploy.pk, "release": deploy.release.name},
    )


def build_broke(project: Project, reason: str, at: datetime) -> None:
    """golive could not build: its disk is full, say. What fails by its own commands is its author's business."""
    _flip_build(project, State.FIRING, reason, at)


def build_mended(project: Project, at: datetime) -> None:
    """A release was built."""
    _flip_build(project, State.OK, "a release was built", at)


def _flip_build(project: Project, new: State, reason: str, at: datetime) -> None:
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        last = Flip.objects.filter(project=project, source="build").order_by("-id").first()
        old = State(last.new) if last else State.OK
        if old == new:
            return
        flips.record(
            project,
            "build",
            title=f"{project.name} cannot be built" if new == State.FIRING else f"{project.name} is built again",
            old=old,
            new=new,
            severity=Severity.WARNING,
            reason=reason,
            at=at,
            link=f"/p/{project.slug}/releases/",
        )

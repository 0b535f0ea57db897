"""What golive does itself in a run: previews, end-to-end tests, production, post-deploy checks. The seam to the rooms
that do it; a stage that nothing is configured for is left out and says so."""

from golive.pipelines.listener import Action
from golive.pipelines.stages import Stage

ACTIONS: dict[str, Action] = {}


def offer(stage: Stage, action: Action) -> None:
    """Let a room do a stage."""
    ACTIONS[stage] = action


def missing(stages: set[Stage]) -> dict[Stage, str]:
    """Why stages that golive should do itself cannot be done here."""
    said = "not configured: there is nothing to deploy to; name commands in [pipeline.{stage}]"
    acting = {Stage.PREVIEW, Stage.E2E, Stage.PRODUCTION, Stage.CHECKS}
    return {stage: said.format(stage=stage) for stage in acting & stages if stage not in ACTIONS}

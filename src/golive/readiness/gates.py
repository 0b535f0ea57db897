"""The first production deploy, and with `[readiness] gate` each, waits until no item of the checklists blocks."""

from django.utils import timezone

from golive.readiness.models import Plan
from golive.readiness.section import plan_of
from golive.readiness.standing import lines
from golive.readiness.verdict import Verdict
from golive.releases.gates import Objection, register_gate
from golive.releases.models import Environment, Release

PRODUCTION = "production"
NAMED = 4


class Checklist:
    """The gate "readiness". A project without [readiness] has promised nothing and is let through."""

    name = "readiness"

    def objects(self, environment: Environment, release: Release) -> Objection | None:
        """Object while an item fails or is unknown."""
        project = environment.project
        if environment.name != PRODUCTION or not Plan.objects.filter(project=project).exists():
            return None
        if environment.live_id is not None and not plan_of(project.pk).gate:
            return None
        blocking = [one.item.key for one in lines(project, timezone.now()) if one.verdict is not Verdict.PASS]
        if not blocking:
            return None
        more = f" and {len(blocking) - NAMED} more" if len(blocking) > NAMED else ""
        return Objection(
            self.name,
            f"{', '.join(blocking[:NAMED])}{more} not proved; run `golive check`, or --override readiness=WHY",
            f"/p/{project.slug}/readiness/",
        )


register_gate(Checklist())

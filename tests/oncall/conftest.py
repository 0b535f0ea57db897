"""A project with a schedule of two people."""

import pytest
from django.utils import timezone

from golive.oncall.layers import DAY
from golive.oncall.section import OnCallPlan, apply
from golive.people.models import Project


@pytest.fixture
def project(db):
    return Project.objects.create(slug="acme", name="acme")


@pytest.fixture
def plan(project):
    """Puts an `[oncall]` in force."""

    def put(**said):
        apply(project.pk, OnCallPlan.model_validate(said), "cli")
        return project

    return put


@pytest.fixture
def schedule(plan):
    """ada and ben take turns of 12 hours since the day before yesterday; cy is in [oncall] people."""
    start = (timezone.now() - 2 * DAY).date().isoformat()
    layer = {"people": ["ada@x.io", "ben@x.io"], "rotation": "12h", "start": start, "handoff": "00:00"}
    project = plan(people=["cy@x.io"], schedules={"primary": {"layers": [layer]}})
    return project.schedules.get()

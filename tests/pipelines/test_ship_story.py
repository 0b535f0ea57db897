"""A commit goes through all stages on this host: preview, a test on it, the same build to production, judged."""

import shutil
from pathlib import Path

import pytest

from golive.pipelines import engine, logs, remote, tree
from golive.pipelines.models import RunStep, Trigger
from golive.pipelines.stages import Stage
from golive.releases.models import Deploy, DeploySettings, Release
from tests.pipelines.conftest import git
from tests.releases.conftest import SHOP, Shop, front, ports, shop  # noqa: F401 (fixtures)

pytestmark = [pytest.mark.story, pytest.mark.django_db(transaction=True)]
PIPELINE = """
[pipeline.lint]
run = "python3 -m compileall -q ."
[pipeline.e2e]
run = "echo testing $BASE_URL; test -n \\"$GOLIVE_PREVIEW_PASS\\""
[deploy]
build = []
"""
WHOLE = [Stage.LINT, Stage.PREVIEW, Stage.E2E, Stage.PRODUCTION, Stage.CHECKS]


def test_from_commit_to_production(shop: Shop, repository: Path) -> None:  # noqa: F811
    DeploySettings.objects.update_or_create(project=shop.project, defaults={"deploy": shop.settings})
    shutil.copytree(SHOP, repository, dirs_exist_ok=True)
    (repository / "behaviour.json").write_text("{}")
    (repository / "golive.toml").write_text(PIPELINE)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "Open the shop")
    found, files = tree.of_folder(repository, repository / "unused")
    commit = git(repository, "rev-parse", "HEAD")
    ref = "refs/heads/main"
    run = engine.create(shop.project, found, Trigger.PUSH, files, WHOLE, "ada", commit=commit, ref=ref)
    state, reason = engine.execute(run)
    place = logs.folder("shop", run.number)
    said = {step.name: [text for _, text in logs.lines(place / f"{step.name}.log")] for step in run.steps.all()}
    assert state == "passed", f"{reason}\n{said}"
    states = dict(RunStep.objects.filter(run=run).values_list("name", "state"))
    assert set(states.values()) == {"passed"}
    run.refresh_from_db()
    assert f"testing {run.data['preview_url']}" in said["e2e"]
    assert Release.objects.count() == 1, "what was previewed is promoted"
    assert any("promoted" in line for line in said["production"])
    assert run.data["release"] == Release.objects.get().name
    assert shop.get().status_code == 200
    # The same files once more: nothing is proved, built or deployed again.
    stages = remote.stages_of(shop.project, remote.MAIN, files)
    assert stages == remote.FOR_TESTED
    run = engine.create(shop.project, found, Trigger.PUSH, files, stages, "ada", commit=commit, ref=ref)
    state, reason = engine.execute(run)
    assert state == "passed", reason
    states = dict(RunStep.objects.filter(run=run).values_list("name", "state"))
    assert (states["lint"], states["production"], states["checks"]) == ("cached", "skipped", "skipped")
    assert Deploy.objects.filter(environment__name="production").count() == 1

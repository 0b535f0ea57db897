"""`[deploy]`, `[environments.NAME]` and `[cron.NAME]` of golive.toml."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from django.utils import timezone
from pydantic import BaseModel

from golive.config.sections import Difference, Section, register
from golive.releases.models import DeploySettings, Environment
from golive.releases.settings import CronSection, DeploySection, EnvironmentsSection


def kept(project_id: int) -> DeploySettings:
    """What is in force, or an empty row that is not saved."""
    return DeploySettings.objects.filter(project_id=project_id).first() or DeploySettings(project_id=project_id)


def _said(value: Any) -> str | None:
    return None if value in (None, {}, [], "") else value if isinstance(value, str) else orjson.dumps(value).decode()


def _compare(key: str) -> Callable[[int, BaseModel], list[Difference]]:
    def differences(project_id: int, wanted: BaseModel) -> list[Difference]:
        have: Mapping[str, Any] = getattr(kept(project_id), key)
        want: Mapping[str, Any] = wanted.model_dump(mode="json", exclude_defaults=True)
        names = sorted({*have, *want})
        return [
            Difference(f"{key}.{n}", _said(have.get(n)), _said(want.get(n)))
            for n in names
            if have.get(n) != want.get(n)
        ]

    return differences


def _keep(key: str) -> Callable[[int, BaseModel, str], None]:
    def apply(project_id: int, wanted: BaseModel, actor: str) -> None:
        values = {key: wanted.model_dump(mode="json", exclude_defaults=True)}
        DeploySettings.objects.update_or_create(project_id=project_id, defaults=values)
        if isinstance(wanted, EnvironmentsSection):
            for name in wanted.root:
                Environment.objects.get_or_create(
                    project_id=project_id, name=name, defaults={"created_at": timezone.now()}
                )

    return apply


register(Section("deploy", DeploySection, _compare("deploy"), _keep("deploy")))
register(Section("environments", EnvironmentsSection, _compare("environments"), _keep("environments")))
register(Section("cron", CronSection, _compare("cron"), _keep("cron")))

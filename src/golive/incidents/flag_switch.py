"""A way out of an incident: switch off a flag that was changed lately. Flags are below incidents, so it stands here."""

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from golive.flags import switch
from golive.flags.evaluation import why_off
from golive.flags.models import FlagState
from golive.incidents.actions import ActionError, Offer
from golive.incidents.models import Incident
from golive.kit.durations import format_duration

LATELY = timedelta(days=7)
MOST = 5


class SwitchFlagOff:
    """Offers the flags that are on where it broke, the one changed last before it began first."""

    name = "flag"
    scope = "flags:write"

    def offers(self, incident: Incident) -> Sequence[Offer]:
        now = timezone.now()
        found = FlagState.objects.filter(
            flag__project=incident.project,
            environment=incident.environment,
            on=True,
            killed=False,
            changed_at__gte=incident.began_at - LATELY,
        ).select_related("flag")
        live = [state for state in found if not why_off(state.evaluated(), now)]
        live.sort(key=lambda state: (state.changed_at > incident.detected_at, -state.changed_at.timestamp()))
        return [self._offer(state, incident) for state in live[:MOST]]

    def _offer(self, state: FlagState, incident: Incident) -> Offer:
        apart = incident.began_at - state.changed_at
        when = f"{format_duration(apart)} before" if apart > timedelta(0) else f"{format_duration(-apart)} after"
        return Offer(
            state.flag.key,
            f"Switch flag {state.flag.key} off",
            f"everybody in {state.environment} gets {state.flag.off}; it was changed {when} this began",
        )

    def take(self, incident: Incident, key: str, by: str) -> str:
        flag = incident.project.flags.select_related("project").filter(key=key).first()
        if flag is None:
            raise ActionError(f"there is no flag {key} any more")
        state = switch.state_of(flag, incident.environment)
        try:
            switch.kill(state, by, timezone.now(), f"incident #{incident.number}")
        except switch.FlagError as error:
            raise ActionError(str(error)) from error
        return f"Flag {key} switched off in {incident.environment}: everybody gets {flag.off}"

"""What proves an action item done: a check or rule of ours that is well, or an issue elsewhere."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from golive.alerts.models import Flip, State
from golive.checks.models import Check, CheckState
from golive.incidents.models import Review


@dataclass(frozen=True)
class Proof:
    """How a proof stands: `state` is ok, firing or unknown. `link` leads there."""

    state: str
    words: str
    link: str = ""


def problem(text: str) -> str:
    """What is wrong with a proof as written; empty when nothing is."""
    kind, _, name = text.partition(":")
    if not text or (kind in ("check", "rule") and name.strip()):
        return ""
    parts = urlsplit(text)
    if parts.scheme in ("http", "https") and parts.hostname:
        return ""
    return f"{text!r} proves nothing: write check:NAME, rule:NAME or an issue's address."


def judge(review: Review, text: str) -> Proof:
    """Look at it. One that does not exist, or that never had a result, is unknown."""
    project, (kind, _, name) = review.incident.project, text.partition(":")
    if not text:
        return Proof("unknown", "nothing yet")
    if kind == "check":
        link = f"/p/{project.slug}/checks/{name}/"
        if not Check.objects.filter(project=project, name=name).exists():
            return Proof("unknown", f"check {name} does not exist yet")
        found = CheckState.objects.filter(check_row__project=project, check_row__name=name).first()
        state = found.state if found else State.UNKNOWN
        return Proof(state, f"check {name}: {_SAID[State(state)]}", link)
    if kind == "rule":
        flip = Flip.objects.filter(project=project, source=f"rule:{name}").order_by("-id").first()
        state = flip.new if flip else State.OK
        return Proof(state, f"rule {name}: {_SAID[State(state)]}", f"/p/{project.slug}/rules/")
    return Proof("unknown", text, text)


_SAID = {State.OK: "well", State.FIRING: "firing", State.UNKNOWN: "no result"}

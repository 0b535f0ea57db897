"""What people and golive do to flags. Each change is one transaction: state, audit trail, mark on every chart."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
from django.db import IntegrityError, transaction
from pydantic import ValidationError

from golive.changes.models import Kind
from golive.changes.record import record
from golive.flags.guard import Guard
from golive.flags.models import Flag, FlagState
from golive.flags.notation import NotationError, read_split, read_targets, write_split, write_target
from golive.flags.publish import publish
from golive.people import audit
from golive.people.models import Project

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
PRODUCTION = "production"
MOST_FLAGS = 1000
LARGEST_VARIANTS = 20_000  # bytes of JSON
KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "a text"),
    ((dict, list), "an object"),
)


class FlagError(ValueError):
    """The change does not fit; the message says why. Nothing was changed."""


class Changed(FlagError):
    """Somebody else changed the flag meanwhile."""


def create(
    project: Project,
    key: str,
    by: str,
    now: datetime,
    *,
    variants: Mapping[str, Any] | None = None,
    off: str = "",
    description: str = "",
) -> Flag:
    """Make a flag, switched off everywhere. Without variants it is a boolean: on and off."""
    if not KEY.fullmatch(key):
        raise FlagError(f"{key!r} is no key for a flag: letters, digits, dots, dashes and underscores, at most 100")
    if project.flags.count() >= MOST_FLAGS:
        raise FlagError(f"{project.slug} has {MOST_FLAGS} flags; delete what is no longer asked for")
    values = dict(variants or {"on": True, "off": False})
    check_variants(values)
    last = off or ("off" if "off" in values else list(values)[-1])
    if last not in values:
        raise FlagError(f"there is no variant {last!r} to serve when it is off; variants are {', '.join(values)}")
    try:
        with transaction.atomic():
            flag = Flag.objects.create(
                project=project, key=key, variants=values, off=last, description=description[:300]
            )
            FlagState.objects.create(flag=flag, environment=PRODUCTION, changed_at=now, changed_by=by)
            audit.record(by, "flag.create", key, project=project, variants=values, off=last)
            transaction.on_commit(publish)
    except IntegrityError:
        raise FlagError(f"there is a flag {key} already") from None
    return flag


def check_variants(values: Mapping[str, Any]) -> None:
    """Variants are at least two values of one type."""
    if len(values) < 2:
        raise FlagError("a flag needs two variants, such as on and off")
    if not all(re.fullmatch(r"[\w.\-]{1,60}", name) for name in values):
        raise FlagError("variants are named by letters, digits, dots, dashes and underscores")
    if not any(
        all(isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) for value in values.values())
        for kind, _ in KINDS
    ):
        raise FlagError("the variants' values must be of one type: " + ", ".join(words for _, words in KINDS))
    if len(orjson.dumps(values)) > LARGEST_VARIANTS:
        raise FlagError(f"the variants are larger than {LARGEST_VARIANTS} bytes")


def delete(flag: Flag, by: str) -> None:
    """Remove a flag; programs that ask for it get their own default."""
    with transaction.atomic():
        audit.record(by, "flag.delete", flag.key, project=flag.project, variants=flag.variants)
        flag.delete()
        transaction.on_commit(publish)


def state_of(flag: Flag, environment: str = PRODUCTION) -> FlagState:
    """How a flag stands in an environment; one never touched there is off."""
    found = flag.states.select_related("flag__project").filter(environment=environment).first()
    return found or FlagState(
        flag=flag, environment=environment, changed_at=flag.created_at, changed_by="golive", version=0
    )


def on(state: FlagState, by: str, now: datetime) -> FlagState:
    """Switch it on for those whom its targeting and split name; this takes a kill back."""
    words = f"Flag {state.flag.key} on ({said(state)})"
    return _change(state, {"on": True, "killed": False, "killed_why": "", "guard_reason": ""}, words, by, now)


def off(state: FlagState, by: str, now: datetime) -> FlagState:
    """Switch it off for everybody."""
    return _change(state, {"on": False}, f"Flag {state.flag.key} off", by, now)


def kill(state: FlagState, by: str, now: datetime, why: str = "") -> FlagState:
    """Off for everybody, whatever its schedule or targeting says, until somebody switches it on again."""
    words = f"Flag {state.flag.key} killed" + (f": {why}" if why else "")
    return _change(state, {"killed": True, "killed_why": why[:300]}, words, by, now)


def change(
    state: FlagState,
    by: str,
    now: datetime,
    *,
    serve: str | None = None,
    targets: Iterable[str] | None = None,
    on_at: datetime | str | None = "",
    off_at: datetime | str | None = "",
    guard: Mapping[str, Any] | None = None,
) -> FlagState:
    """Change who is served what; what is not given stays. Raises FlagError."""
    flag, values = state.flag, dict[str, Any]()
    try:
        if serve is not None:
            values["split"] = read_split(serve, flag.variants)
        if targets is not None:
            values["targets"] = [write_target(each) for each in read_targets(targets, flag.variants)]
        if guard is not None:
            values["guard"] = Guard.model_validate(guard).model_dump(mode="json") if guard else {}
    except NotationError as error:
        raise FlagError(str(error)) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FlagError(f"guard {where}: {first['msg'].removeprefix('Value error, ')}") from None
    if on_at != "":
        values["on_at"] = on_at
    if off_at != "":
        values["off_at"] = off_at
    begins, ends = values.get("on_at", state.on_at), values.get("off_at", state.off_at)
    if begins and ends and ends <= begins:
        raise FlagError("it would end before it begins")
    values = {name: value for name, value in values.items() if getattr(state, name) != value}
    if not values:
        return state
    for name, value in values.items():
        setattr(state, name, value)
    return _change(state, values, f"Flag {flag.key}: {said(state)}", by, now)


def said(state: FlagState) -> str:
    """Who is served what, in a clause."""
    flag = state.flag
    parts = [*state.targets, f"{'everybody else' if state.targets else 'everybody'} {serving(state)}"]
    if state.on_at:
        parts.append(f"from {state.on_at:%Y-%m-%d %H:%M} UTC")
    if state.off_at:
        parts.append(f"until {state.off_at:%Y-%m-%d %H:%M} UTC")
    if state.guard:
        parts.append("guarded")
    return "; ".join(part.replace(" -> ", " gets ") for part in parts) or flag.main


def serving(state: FlagState) -> str:
    """What everybody who matches no rule gets: "on" or "10 % on"."""
    split = state.split or {state.flag.main: 100.0}
    words = [name if share >= 100 else f"{share:g} % {name}" for name, share in split.items()]
    return ", ".join(words)


def written(state: FlagState) -> str:
    """The split as `serve` reads it."""
    return write_split(state.split or {state.flag.main: 100.0})


def _change(state: FlagState, values: dict[str, Any], words: str, by: str, now: datetime) -> FlagState:
    """One change, by compare-and-swap of the version."""
    if not ENVIRONMENT.fullmatch(state.environment):
        raise FlagError(f"{state.environment[:80]!r} is no environment: letters, digits, dots and dashes, at most 64")
    flag, project = state.flag, state.flag.project
    before = {name: _plain(value) for name, value in _kept(state, values).items()}
    with transaction.atomic():
        if state.pk is None:
            state.version = 0
            state.save()
        changed = FlagState.objects.filter(pk=state.pk, version=state.version).update(
            **values, version=state.version + 1, changed_at=now, changed_by=by[:200], guard_bad_since=None
        )
        if changed != 1:
            raise Changed(f"somebody changed {flag.key} meanwhile; look again and repeat it")
        audit.record(
            by,
            "flag.change",
            f"{flag.key} in {state.environment}",
            project=project,
            what=words,
            before=before,
            after={name: _plain(value) for name, value in values.items()},
        )
        record(
            project,
            Kind.FLAG,
            f"{flag.key} {state.version + 1}",
            words,
            now,
            environment=state.environment,
            link=link(flag, state.environment),
            actor=by,
        )
        transaction.on_commit(publish)
    return FlagState.objects.select_related("flag__project").get(pk=state.pk)


def environments(project: Project) -> list[str]:
    """Production first, then every environment in which a flag stands or a key evaluates."""
    found = set(FlagState.objects.filter(flag__project=project).values_list("environment", flat=True))
    found |= set(project.flag_keys.filter(revoked_at=None).values_list("environment", flat=True))
    return [PRODUCTION, *sorted(found - {PRODUCTION})]


def _kept(state: FlagState, values: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in the database for these fields now."""
    found = FlagState.objects.filter(pk=state.pk).values(*values).first() if state.pk else None
    return dict(found or {})


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def link(flag: Flag, environment: str = PRODUCTION) -> str:
    """The flag's page."""
    query = "" if environment == PRODUCTION else f"?environment={environment}"
    return f"/p/{flag.project.slug}/flags/{flag.key}/{query}"

"""Who gets which variant: tables, and properties of the split."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golive.flags.evaluation import Flag, Reason, TargetingKeyMissing, bucket, evaluate
from golive.flags.notation import NotationError, read_split, read_target, read_targets, write_split, write_target

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
VARIANTS = {"on": True, "off": False}


def flag(*targets: str, serve: str = "on", **more: object) -> Flag:
    about = {"on": True, **more}
    return Flag(
        "f",
        VARIANTS,
        "off",
        targets=tuple(read_targets(targets, VARIANTS)),
        split=read_split(serve, VARIANTS),
        **about,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("it", "context", "variant", "reason"),
    [
        (flag(), {}, "on", Reason.STATIC),
        (flag(on=False), {}, "off", Reason.DISABLED),
        (flag(killed=True), {}, "off", Reason.DISABLED),
        (flag(on_at=NOW + timedelta(seconds=1)), {}, "off", Reason.DISABLED),
        (flag(on_at=NOW), {}, "on", Reason.STATIC),
        (flag(off_at=NOW), {}, "off", Reason.DISABLED),
        (flag("plan is pro -> on", serve="off"), {"plan": "pro"}, "on", Reason.TARGETING_MATCH),
        (flag("plan is pro -> on", serve="off"), {"plan": "free"}, "off", Reason.STATIC),
        (flag("plan is pro -> on", serve="off"), {}, "off", Reason.STATIC),
        (flag("country in DE, AT -> on", serve="off"), {"country": "AT"}, "on", Reason.TARGETING_MATCH),
        (flag("groups in beta -> on", serve="off"), {"groups": ["a", "beta"]}, "on", Reason.TARGETING_MATCH),
        (flag("country not_in DE,AT -> off"), {}, "off", Reason.TARGETING_MATCH),
        (
            flag("email ends_with @acme.example -> on", serve="off"),
            {"email": "a@acme.example"},
            "on",
            "TARGETING_MATCH",
        ),
        (flag("email ends_with @acme.example -> on", serve="off"), {"email": "a@acme.example.evil"}, "off", "STATIC"),
        (flag("seats above 10 -> on", serve="off"), {"seats": 11}, "on", Reason.TARGETING_MATCH),
        (flag("seats above 10 -> on", serve="off"), {"seats": "many"}, "off", Reason.STATIC),
        (flag("seats below 10 and plan is pro -> on", serve="off"), {"seats": 2, "plan": "x"}, "off", Reason.STATIC),
        (flag("staff is true -> on", serve="off"), {"staff": True}, "on", Reason.TARGETING_MATCH),
        (flag("plan missing -> off"), {}, "off", Reason.TARGETING_MATCH),
        (flag("plan exists -> off", "plan is pro -> on"), {"plan": "pro"}, "off", Reason.TARGETING_MATCH),
        (flag(serve="on:0"), {"targetingKey": "u"}, "off", Reason.SPLIT),
    ],
)
def test_who_gets_what(it: Flag, context: dict[str, object], variant: str, reason: str) -> None:
    found = evaluate(it, context, NOW)
    assert (found.variant, found.value, found.reason) == (variant, VARIANTS[variant], reason)
    assert found.why


def test_a_split_needs_a_targeting_key() -> None:
    with pytest.raises(TargetingKeyMissing, match="targetingKey"):
        evaluate(flag(serve="on:50"), {"plan": "pro"}, NOW)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(min_size=1), st.floats(0, 100), st.floats(0, 100))
def test_who_has_a_variant_keeps_it_when_its_share_grows(who: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    context = {"targetingKey": who}
    small = evaluate(Flag("f", VARIANTS, "off", on=True, split={"on": low}), context, NOW)
    large = evaluate(Flag("f", VARIANTS, "off", on=True, split={"on": high}), context, NOW)
    assert small.variant == "off" or large.variant == "on"


def test_shares_are_met_and_flags_split_independently() -> None:
    people = [f"user-{number}" for number in range(20_000)]
    first = {who for who in people if bucket("first", who) < 30}
    second = {who for who in people if bucket("second", who) < 30}
    assert 0.28 < len(first) / len(people) < 0.32
    assert 0.07 < len(first & second) / len(people) < 0.11
    assert f"{bucket('checkout', 'user-1'):.6f}" == "81.573586"  # what it was on the first day, it is for ever


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("plan is pro", "has no ->"),
        ("plan like pro -> on", "is no condition"),
        ("plan is -> on", "takes a value"),
        ("plan exists pro -> on", "takes no value"),
        ("plan is pro -> blue", "no variant 'blue'"),
        ("plan is pro -> on:120", "between 0 and 100"),
        ("plan is pro -> on:60,off:60", "more than 100"),
        ("seats above many -> on", "with a number"),
        ("plan is pro -> ", "who is served what"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, words: str) -> None:
    with pytest.raises(NotationError, match=words):
        read_target(text, VARIANTS)


@pytest.mark.parametrize("text", ["plan is pro and country in DE,AT -> on:50", "plan missing -> off", "a is b -> on"])
def test_rules_are_written_as_they_are_read(text: str) -> None:
    assert write_target(read_target(text, VARIANTS)) == text
    assert write_split(read_split("on:12.5", VARIANTS)) == "on:12.5"

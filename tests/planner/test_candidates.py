"""Which types may be in a pool, and what is said of those that may not."""

from __future__ import annotations

import pytest

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.serving import Serving
from kairos_cli.planner.candidates import LeftOut, candidates, usable_types
from tests.conftest import shipped_scenario
from tests.planner.tables import TYPES, scenario, toy

FAST = {10: 1.0, 100: 10.0}


def left_out(asked: Scenario) -> list[tuple[str, str]]:
    """Return name and code of the types left out."""
    return [(each.name, each.code) for each in candidates(asked)[1]]


def taken(asked: Scenario) -> list[str]:
    """Return the names of the types that take part."""
    return [each.name for each in candidates(asked)[0]]


def test_every_reason_to_leave_a_type_out() -> None:
    """Each type out of use has one code and one sentence; all others take part."""
    asked = scenario(
        {
            "short": {10: 1.0, 99: 9.0},
            "slow": {10: 51.0, 100: 90.0},
            "fine": FAST,
            "dear": FAST,
            "unwanted": FAST,
            "zero": FAST,
        },
        {"zero": 0.1, "unmeasured": 0.1, "unwanted": 0.1, "slow": 0.1, "short": 0.1, "fine": 2.0, "dear": 2.01},
        {10: 1, 100: 1},
        budget_usd_per_hour=2.0,
        only=("zero", "unmeasured", "slow", "short", "fine", "dear"),
        constraints=Constraints({"zero": 0, "fine": 1}),
    )

    assert ["fine"] == taken(asked)
    assert [
        LeftOut("zero", "excluded", "limited to 0 instances"),
        LeftOut("unmeasured", "no_profile", "no latency profile of toy"),
        LeftOut("unwanted", "excluded", "not among the types asked for"),
        LeftOut("slow", "too_slow", "too slow: no batch size of the mix is ever within 50 ms"),
        LeftOut("short", "short_profile", "its profile ends at batch size 99, the mix at 100"),
        LeftOut("dear", "too_dear", "too dear: 2.01 $/h of a budget of 2 $/h"),
    ] == candidates(asked)[1]


def test_the_first_reason_is_given() -> None:
    """A type that is not asked for is not also called too dear, too short and unmeasured."""
    asked = scenario(
        {"a": {10: 99.0}, "b": FAST}, {"a": 9.0, "b": 1.0, "c": 9.0}, {100: 1}, budget_usd_per_hour=1.0, only=("b",)
    )

    assert [("a", "excluded"), ("c", "excluded")] == left_out(asked)


def test_types_come_in_the_order_of_the_profile() -> None:
    """The order of the model, not of the price list, is the order of every pool."""
    asked = scenario({"b": FAST, "c": FAST, "a": FAST}, {"a": 1.0, "b": 1.0, "c": 1.0}, {10: 1})

    assert ["b", "c", "a"] == taken(asked)


def test_without_a_budget_nothing_is_too_dear() -> None:
    """A load may be carried at any price."""
    assert ["big", "aux"] == taken(toy(min_qps=100.0))


def test_a_type_that_costs_the_whole_budget_is_not_too_dear() -> None:
    """A budget of 0.1 + 0.2 pays for 0.3, though in binary it may not."""
    asked = scenario({"a": FAST}, {"a": 0.1 + 0.2}, {10: 1}, budget_usd_per_hour=0.3)

    assert ["a"] == taken(asked)


def test_a_type_that_is_on_time_with_one_size_takes_part() -> None:
    """Too slow is a type only if it is late with every size of the mix; sizes outside of it do not count."""
    means = {"big": {10: 10.0, 100: 20.0}, "aux": {10: 10.0, 100: 100.0}}
    prices = {"big": 1.0, "aux": 0.3}

    assert ["big", "aux"] == taken(scenario(means, prices, {10: 1, 100: 999}))
    assert [("aux", "too_slow")] == left_out(scenario(means, prices, {100: 1}))


def test_a_profile_that_ends_with_the_mix_is_long_enough() -> None:
    """The largest size of the mix may be the largest profiled."""
    assert [] == left_out(scenario({"a": FAST}, {"a": 1.0}, {100: 1}))
    assert [("a", "short_profile")] == left_out(scenario({"a": FAST}, {"a": 1.0}, {101: 1}))


def test_four_of_the_sixteen_shipped_types_are_measured() -> None:
    """The price list has twelve more types than the models have profiles."""
    types, rest = candidates(shipped_scenario("rm2"))

    assert list(TYPES) == [each.name for each in types]
    assert 12 == len(rest)
    assert {"no_profile"} == {each.code for each in rest}


def test_types_that_can_be_looked_at_need_a_price_and_a_profile_only() -> None:
    """To judge a given pool, neither budget nor limits nor slowness exclude a type; a short profile does."""
    asked = scenario(
        {"slow": {100: 99.0}, "short": {99: 1.0}, "dear": FAST, "unpriced": FAST},
        {"dear": 9.0, "short": 0.1, "slow": 0.1, "unmeasured": 0.1},
        {100: 1},
        budget_usd_per_hour=1.0,
        only=("short",),
    )

    assert ["slow", "dear"] == [each.name for each in usable_types(asked)]


# --- servers that merge or split: aux takes 60 ms for ten items and 40 for two hundred, where 50 are allowed

BEYOND = {10: 60.0, 100: 60.0, 200: 40.0}


@pytest.mark.parametrize(
    ("serving", "out"),
    [
        (Serving(), [("aux", "too_slow")]),
        (Serving(split=True), [("aux", "too_slow")]),
        (Serving(merge=True), []),
        (Serving(merge=True, largest_batch=120), [("aux", "too_slow")]),
    ],
    ids=str,
)
def test_a_type_is_too_slow_if_no_batch_of_a_query_is_in_time(serving: Serving, out: list[tuple[str, str]]) -> None:
    """aux is in time with batches of two hundred only, into which queries must be merged."""
    asked = scenario({"big": FAST, "aux": BEYOND}, {"big": 1.0, "aux": 0.3}, {10: 1, 100: 1}, serving=serving)

    assert out == left_out(asked)


def test_parts_make_a_type_fast_enough() -> None:
    """aux is late with the only size of the mix but one, 20 items; of parts of ten it is in time."""
    means, prices, mix = {"aux": {10: 40.0, 20: 60.0}}, {"aux": 0.3}, {20: 1, 30: 1}
    long_enough = {"aux": {10: 40.0, 20: 60.0, 30: 90.0}}

    assert [("aux", "too_slow")] == left_out(scenario(long_enough, prices, mix))
    assert ["aux"] == taken(scenario(long_enough, prices, mix, serving=Serving(split=True)))
    # whose profile may then end before the mix, but not before the smallest part
    assert ["aux"] == taken(scenario(means, prices, mix, serving=Serving(split=True)))
    assert ["aux"] == [each.name for each in usable_types(scenario(means, prices, mix, serving=Serving(split=True)))]
    assert [("aux", "short_profile")] == left_out(scenario(means, prices, mix, serving=Serving(merge=True)))


def test_words_for_types_too_slow_or_short_in_batches() -> None:
    """What is missing is said of batches and parts."""
    means = {"slow": {10: 51.0, 100: 90.0}, "short": {10: 9.0, 40: 9.0}, "fine": FAST}
    asked = scenario(means, dict.fromkeys(means, 1.0), {50: 1, 100: 1}, serving=Serving(split=True))

    assert [
        LeftOut("slow", "too_slow", "too slow: no batch that a query may be served in is ever within 50 ms"),
        LeftOut("short", "short_profile", "its profile ends at batch size 40, parts of queries begin at 50"),
    ] == candidates(asked)[1]

"""Limits on the toy: what each means, by numbers made by hand; rates are four fifths of the capacity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.limit import Limit
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.errors import Source
from kairos_cli.planner.capacity import CapacityProgram
from kairos_cli.planner.choice import Measure
from kairos_cli.planner.instead import instead
from kairos_cli.planner.limits import Finding, finding
from kairos_cli.planner.plan import Measuring
from kairos_cli.planner.pool_facts import Circumstances, PoolFacts
from tests.planner.tables import measure_by, toy


def four_fifths(table: ServiceTable, asked: list[tuple[int, ...]] | None = None) -> Measure:
    """Serve four fifths of the capacity, but no more than the ceiling of the search.

    Two big have a capacity of 2 / 15 ms = 133.3/s, and with one aux, which takes the small queries, of 200/s. One
    big and one aux have 102.04/s: aux takes the one query in a hundred that may be late from the big one, which
    has 50 large queries a second, 49 in a hundred.
    """
    program = CapacityProgram(table)
    return measure_by(lambda counts, ceiling: min(0.8 * program.solve(counts).qps, ceiling), asked)


AFTER_A_LOSS = 0.8 * 50 / 0.49
TWO_BIG = {"big": 2}
TWO_BIG_ONE_AUX = {"big": 2, "aux": 1}


def observing(table: Any) -> Any:
    """Observe latencies of 1, 2, … 100 ms, whatever the pool and the rate."""
    return lambda counts, capacity_qps, rate_qps: np.arange(1.0, 101.0)


def facts(
    pool: dict[str, int],
    load: float | None = None,
    baseline: float | None = None,
    age: int | None = None,
    measuring: Measuring = four_fifths,
    **asked: Any,
) -> PoolFacts:
    """Return the facts on a pool of the toy; 2.3 $/h buys two big and one aux, the best pool."""
    question = toy(**{"budget_usd_per_hour": 2.3, "choose": "verified", **asked})
    around = Circumstances(load, baseline, age)
    return PoolFacts(question, Pool.of(pool, pool.values()), around, measuring, observing)


def limit(name: str, bound: float, percentile: float | None = None) -> Limit:
    return Limit(name, bound, "fail", Source("--x"), percentile)


def found(of: PoolFacts, name: str, bound: float, percentile: float | None = None) -> Finding:
    return finding(of, limit(name, bound, percentile))


@pytest.mark.parametrize(
    ("of", "name", "bound", "actual", "holds", "message"),
    [
        pytest.param(facts(TWO_BIG), "max_cost", 2.0, 2.0, True, "costs 2.000 $/h; at most 2", id="cost"),
        pytest.param(facts(TWO_BIG), "max_cost", 1.99, 2.0, False, "costs 2.000 $/h; at most 1.99", id="too dear"),
        pytest.param(facts(TWO_BIG, baseline=1.6), "max_cost_increase", 25, 25.0, True,
                     "costs 2.000 $/h, +25.0 % against 1.600 $/h; at most +25 %", id="increase"),
        pytest.param(facts(TWO_BIG, baseline=1.6), "max_cost_increase", 24, 25.0, False,
                     "costs 2.000 $/h, +25.0 % against 1.600 $/h; at most +24 %", id="increase too large"),
        pytest.param(facts(TWO_BIG, baseline=2.5), "max_cost_increase", 0, -20.0, True,
                     "costs 2.000 $/h, -20.0 % against 2.500 $/h; at most +0 %", id="cheaper"),
        pytest.param(facts(TWO_BIG, 106.0), "min_qps", 106, 320 / 3, True,
                     "serves 106.7 queries/s in simulation; at least 106", id="load"),
        pytest.param(facts(TWO_BIG, 107.0), "min_qps", 107, 320 / 3, False,
                     "serves 106.7 queries/s in simulation; at least 107", id="load too large"),
        pytest.param(facts(TWO_BIG, 80.0), "min_headroom", 25, 25.0, True,
                     "the load of 80 lies 25.0 % below the 106.7 queries/s served; at least 25 %", id="headroom"),
        pytest.param(facts(TWO_BIG, 80.0), "min_headroom", 26, 25.0, False,
                     "the load of 80 lies 25.0 % below the 106.7 queries/s served; at least 26 %", id="no headroom"),
        pytest.param(facts(TWO_BIG), "max_gap", 50, 50.0, True,
                     "no pool serves more than 160.0 queries/s, 50.0 % above the 106.7 of this one; at most 50 %",
                     id="gap"),
        pytest.param(facts(TWO_BIG_ONE_AUX), "max_gap", 0, 0.0, True,
                     "no pool serves more than 160.0 queries/s, 0.0 % above the 160.0 of this one; at most 0 %",
                     id="no gap"),
        pytest.param(facts(TWO_BIG), "pool_unchanged", 49, 50.0, False,
                     "the pool recommended now serves 160.0 queries/s, 50.0 % above the 106.7 of this one; "
                     "at most 49 %", id="another recommended"),
        pytest.param(facts(TWO_BIG_ONE_AUX), "pool_unchanged", 0, 0.0, True,
                     "the pool is the one recommended now", id="recommended"),
        pytest.param(facts({"big": 3}, 150.0, budget_usd_per_hour=None, min_qps=150.0), "pool_unchanged", 30,
                     (3.0 / 2.3 - 1) * 100, False,
                     "the pool recommended now costs 2.300 $/h, this one costs 30.4 % more; at most 30 %",
                     id="cheaper recommended"),
        pytest.param(facts(TWO_BIG, 150.0, budget_usd_per_hour=None, min_qps=150.0), "max_gap", 30, None, False,
                     "the pool carries 106.7 queries/s of the load of 150", id="gap in cost without the load"),
        pytest.param(facts(TWO_BIG, budget_usd_per_hour=0.9), "pool_unchanged", 5, None, False,
                     "no pool to compare with: none of the 3 pools within 0.9 $/h can keep p99<50ms at any rate",
                     id="nothing recommended"),
        pytest.param(facts(TWO_BIG_ONE_AUX, 81.0), "tolerate_loss", 1, 1, True,
                     "serves 81.6 queries/s after the loss of any 1 instance; at least 81.0", id="loss"),
        pytest.param(facts(TWO_BIG_ONE_AUX, 82.0), "tolerate_loss", 1, 0, False,
                     "serves 81.6 queries/s after the loss of any 1 instance; at least 82.0", id="loss too grave"),
        pytest.param(facts(TWO_BIG_ONE_AUX, 200.0), "tolerate_loss", 2, None, False,
                     "serves 0.0 queries/s after the loss of any 2 instances; at least 200.0", id="not even whole"),
        pytest.param(facts(TWO_BIG_ONE_AUX), "tolerate_loss", 1, 0, False,
                     "serves 81.6 queries/s after the loss of any 1 instance; at least 160.0", id="loss, no load"),
        pytest.param(facts(TWO_BIG, age=30), "fresh_prices", 30, 30, True,
                     "the price list is 30 days old, of ; at most 30", id="fresh"),
        pytest.param(facts(TWO_BIG, age=31), "fresh_prices", 30, 31, False,
                     "the price list is 31 days old, of ; at most 30", id="old"),
    ],
)  # fmt: skip
def test_limits(of: PoolFacts, name: str, bound: float, actual: float | None, holds: bool, message: str) -> None:
    """A limit holds up to and at its bound; what is found is in its unit, and said in words."""
    result = found(of, name, bound)

    assert message == result.message
    assert holds == result.holds
    assert actual is result.actual is None or pytest.approx(actual) == result.actual


@pytest.mark.parametrize(
    ("load", "bound", "percentile", "actual", "holds", "message"),
    [
        (50.0, 99, 99, 99.0, True, "answers 99 % of the queries within 99 ms at 50.0 queries/s; at most 99"),
        (50.0, 98.9, 99, 99.0, False, "answers 99 % of the queries within 99 ms at 50.0 queries/s; at most 98.9"),
        (50.0, 51, 50, 50.0, True, "answers 50 % of the queries within 50 ms at 50.0 queries/s; at most 51"),
        (None, 99, 99, 99.0, True, "answers 99 % of the queries within 99 ms at 106.7 queries/s; at most 99"),
        (134.0, 99, 99, None, False,
         "latencies grow without bound: 134.0 queries/s are over the pool's capacity of 133.3"),
    ],
)  # fmt: skip
def test_latency(
    load: float | None, bound: float, percentile: float, actual: float | None, holds: bool, message: str
) -> None:
    """Of latencies 1 … 100 ms, 99 % are at most 99; looked at is the load, or without one the rate served."""
    result = found(facts(TWO_BIG, load), "qos", bound, percentile)

    assert (actual, holds, message) == (result.actual, result.holds, result.message)


@pytest.mark.parametrize("name", ["qos", "min_headroom", "max_gap", "pool_unchanged"])
def test_a_pool_that_keeps_the_target_at_no_rate_keeps_no_limit_of_rate(name: str) -> None:
    """Aux alone is late with every large query: nothing is divided by its rate, and nothing passes."""
    aux = facts({"aux": 3}, 10.0 if name == "min_headroom" else None)
    result = found(aux, name, 5, 99 if name == "qos" else None)

    assert (None, False) == (result.actual, result.holds)
    assert "keeps p99<50ms in simulation at no rate" in result.message


def test_a_pool_is_measured_once() -> None:
    """However many limits ask for its rate; the search remembers it too."""
    asked: list[tuple[int, ...]] = []
    of = facts(TWO_BIG, 80.0, measuring=lambda table: four_fifths(table, asked))
    for name in ("min_qps", "min_headroom", "max_cost"):
        found(of, name, 10)

    assert [(2, 0)] == asked


def test_rates_are_those_after_the_losses_of_the_scenario() -> None:
    """A scenario that withstands one loss rates two big as one: 0.8 / 15 ms = 53.3/s."""
    of = facts(TWO_BIG, constraints=Constraints(tolerate_loss=1))

    assert pytest.approx(0.8 / 0.015) == found(of, "min_qps", 50).actual


# What to buy instead


def test_nothing_is_bought_instead_of_a_pool_that_keeps_its_limits() -> None:
    """All limits hold: no search."""
    of = facts(TWO_BIG)

    assert instead(of, [found(of, "max_cost", 2)]) is None


def test_instead_is_the_best_pool_under_the_limit_of_cost() -> None:
    """For 1.3 $/h that is one big and one aux."""
    of = facts(TWO_BIG)
    better = instead(of, [found(of, "max_cost", 1.3)])

    assert better is not None and not isinstance(better.found, str)
    assert {"big": 1, "aux": 1} == better.found.chosen.pool.by_type
    assert pytest.approx(AFTER_A_LOSS) == better.found.chosen.served_qps


def test_instead_withstands_the_losses_of_the_limit() -> None:
    """For 2.3 $/h the pool that serves most after any loss is still two big and one aux."""
    of = facts(TWO_BIG, 60.0)
    better = instead(of, [found(of, "tolerate_loss", 1)])

    assert better is not None and not isinstance(better.found, str)
    assert 1 == better.question.constraints.tolerate_loss
    assert pytest.approx(AFTER_A_LOSS) == better.found.chosen.served_qps


def test_instead_keeps_a_tighter_target_of_the_same_percentile() -> None:
    """Big answers large queries in 20 ms: for 15 ms there is no pool; a limit at another percentile changes nothing."""
    of = facts(TWO_BIG)
    other, tighter = found(of, "qos", 15, 50), found(of, "qos", 15, 99)
    loose, tight = instead(of, [other]), instead(of, [tighter])

    assert loose is not None and not isinstance(loose.found, str)
    assert (50, 15) == (loose.question.qos.latency_ms, tight and tight.question.qos.latency_ms)
    assert tight is not None
    assert "none of the 14 pools within 2.3 $/h can keep p99<15ms at any rate" == tight.found


def test_without_a_budget_instead_is_the_cheapest_for_the_load() -> None:
    """Three big cost 3 $/h; 150/s take two big and one aux."""
    of = facts({"big": 3}, 150.0, budget_usd_per_hour=None, min_qps=150.0)
    better = instead(of, [found(of, "pool_unchanged", 5)])

    assert better is not None and not isinstance(better.found, str)
    assert TWO_BIG_ONE_AUX == better.found.chosen.pool.by_type


def test_without_budget_and_load_there_is_no_question() -> None:
    """Neither is known, and a latency limit tells neither."""
    of = facts(TWO_BIG, budget_usd_per_hour=None)

    assert instead(of, [found(of, "qos", 1, 99)]) is None

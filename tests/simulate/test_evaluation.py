"""One pool under several policies."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from kairos_cli.policies import NAMES
from kairos_cli.simulate.allowable import allowable
from kairos_cli.simulate.evaluation import PolicyResult, evaluate
from kairos_cli.simulate.measure import Effort, simulator
from kairos_cli.simulate.simulator import Simulator
from kairos_cli.simulate.tuning import options
from tests.simulate.tables import capacity_of, fixed, shipped_table

POOL = (1, 0, 13, 0)


@functools.cache
def simulation() -> Simulator:
    """Return a simulator of rm2, small and quick."""
    return simulator(shipped_table("rm2"), Effort(1000, 3))


@functools.cache
def results(rate_qps: float | None = None) -> tuple[PolicyResult, ...]:
    """Return all policies on a pool of rm2."""
    return tuple(evaluate(simulation(), np.array(POOL), list(NAMES), capacity_of("rm2", POOL), rate_qps))


def test_policies_come_in_the_order_asked_and_progress_is_told_after_each() -> None:
    """Each policy gives one result; whoever waits is told as many times."""
    told: list[None] = []
    found = evaluate(
        simulation(), np.array(POOL), ["greedy", "fcfs"], capacity_of("rm2", POOL), told=lambda: told.append(None)
    )
    assert ["greedy", "fcfs"] == [each.policy for each in found]
    assert 2 == len(told)


def test_each_policy_allows_what_it_allows_alone() -> None:
    """Side by side or alone, a policy's rate, interval and option are the same: the queries are."""
    for each in results():
        tried = options(each.policy, shipped_table("rm2"), np.array(POOL))
        alone = allowable(simulation(), np.array(POOL), each.policy, capacity_of("rm2", POOL), tried)
        assert alone == each.allowable


def test_without_a_rate_each_is_observed_at_its_own() -> None:
    """At its allowable rate a policy keeps the target, if only just."""
    for each in results():
        assert each.observed is not None
        assert each.allowable.qps == each.observed.rate_qps
        assert each.observed.on_time_fraction >= 0.99


def test_with_a_rate_all_are_observed_at_it() -> None:
    """A rate given is the one looked at, by policies that keep the target there and by those that do not."""
    kept = set()
    for each in results(100.0):
        assert each.observed is not None
        assert 100.0 == each.observed.rate_qps
        keeps = simulation().keeps_target(np.array(POOL), each.policy, each.allowable.option, 100.0)
        assert keeps == (each.observed.on_time_fraction >= 0.99)
        kept.add(keeps)
    assert {True, False} == kept


def test_the_curve_rises_in_rate_and_stays_below_the_capacity() -> None:
    """Its rates rise from half the allowable one, end at 115 % of it or at the capacity; shares are shares."""
    for each in results():
        rates, shares = zip(*each.curve, strict=True)
        assert pytest.approx(0.5 * each.allowable.qps) == rates[0]
        assert list(rates) == sorted(set(rates))
        assert rates[-1] <= min(1.15 * each.allowable.qps * (1 + 1e-9), capacity_of("rm2", POOL))
        assert all(0 <= share <= 1 for share in shares)


def test_the_curve_meets_the_target_at_half_the_rate_and_misses_it_beyond() -> None:
    """Well below the allowable rate enough queries are on time, at 115 % of it too few."""
    for each in results():
        assert each.curve[0][1] >= 0.99
        if each.curve[-1][0] > 1.1 * each.allowable.qps:
            assert each.curve[-1][1] < 0.99


def test_a_policy_that_holds_at_no_rate_is_observed_only_at_a_given_one() -> None:
    """First come, first served on a slow first type allows 0, has no curve, and is observed only where asked."""
    made = fixed([[10.0, 200.0], [5.0, 20.0]])
    simulation = simulator(made, Effort(500, 2))
    alone, at_rate = (evaluate(simulation, np.array([1, 1]), ["fcfs"], 87.0, rate)[0] for rate in (None, 5.0))
    assert 0.0 == alone.allowable.qps == at_rate.allowable.qps
    assert () == alone.curve == at_rate.curve
    assert alone.observed is None
    assert at_rate.observed is not None
    assert at_rate.observed.on_time_fraction < 0.99

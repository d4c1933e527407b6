"""The search where pools are too many to list: what ends it, and what it then proves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import Counts, ServiceTable, service_table
from kairos_cli.errors import SolverError
from kairos_cli.planner.candidates import candidates
from kairos_cli.planner.certificate import Found
from kairos_cli.planner.cheapest_search import cheapest_by_program
from kairos_cli.planner.enough import PATIENCE, Enough
from kairos_cli.planner.pool_program import cheapest_counts
from kairos_cli.planner.program_search import best_by_program
from kairos_cli.planner.rating import NO_CONSTRAINTS, Rater
from kairos_cli.planner.search import best_in_budget, cheapest
from tests.planner.tables import measure_by, shipped_table, toy

BUDGET = 2.5


def rated(
    rate_of: Callable[[Counts, float], float],
    asked: list[tuple[int, ...]] | None = None,
    constraints: Constraints = NO_CONSTRAINTS,
) -> Rater:
    """Return a rater of the types of rm2 that measures without simulating."""
    return Rater(shipped_table("rm2"), measure_by(rate_of, asked), constraints)


def question(**values: object) -> Scenario:
    """Return a question whose budget is 2.5 $/h; only that and the rule of choice are read from it."""
    return toy(**{"budget_usd_per_hour": BUDGET, "choose": "verified", **values})


def found(answer: Found | str) -> Found:
    assert isinstance(answer, Found), answer
    return answer


def uneven(counts: Counts, capacity_qps: float) -> float:
    """Return a rate that depends on more than the capacity: pools of even size serve less of theirs."""
    return capacity_qps * (0.95 if counts.sum() % 2 else 0.9)


def test_the_search_ends_with_the_pool_of_the_enumeration() -> None:
    """By program the same pool is found as by listing all, the same pools are measured, and the gap is zero too."""
    by_list: list[tuple[int, ...]] = []
    by_program: list[tuple[int, ...]] = []
    listed = found(best_in_budget(question(), rated(uneven, by_list)))
    searched = found(best_by_program(question(), rated(uneven, by_program)))

    assert str(listed.chosen.pool) == str(searched.chosen.pool)
    assert by_list == by_program
    assert ("bound", 0.0) == (searched.certificate.ended, searched.certificate.gap_percent)
    assert len(by_program) == searched.certificate.pools_simulated
    assert ("enumeration", "integer program") == (listed.certificate.method, searched.certificate.method)


def test_what_was_ruled_out_goes_on_with_the_list() -> None:
    """Of the pools named, those not measured are listed too, by capacity, none twice; no other one has more."""
    searched = found(best_by_program(question(top=5), rated(lambda _, capacity: 0.999 * capacity)))
    names = [str(each.pool) for each in searched.listed]
    capacities = [each.capacity_qps for each in searched.listed[1:]]

    assert searched.certificate.pools_simulated < len(names) == len(set(names))
    assert sorted(capacities, reverse=True) == capacities
    assert max(capacities) <= (searched.certificate.best_other_capacity_qps or 0.0)


@pytest.mark.parametrize(
    "constraints", [Constraints(tolerate_loss=1), Constraints(min_types=3), Constraints({"r5n.large": 5})]
)
def test_so_it_does_under_constraints(constraints: Constraints) -> None:
    """Losses, variety and caps change neither."""
    listed = found(best_in_budget(question(), rated(uneven, None, constraints)))
    searched = found(best_by_program(question(), rated(uneven, None, constraints)))

    assert str(listed.chosen.pool) == str(searched.chosen.pool)
    assert 0.0 == searched.certificate.gap_percent


def test_a_dozen_pools_that_are_not_better_end_the_search() -> None:
    """If every pool serves half of its capacity, no bound ends it; after the first, twelve more are measured."""
    asked: list[tuple[int, ...]] = []
    searched = found(best_by_program(question(), rated(lambda _, capacity: capacity / 2, asked)))
    certificate = searched.certificate

    assert 1 + PATIENCE == len(asked) == certificate.pools_simulated
    assert "no_better" == certificate.ended
    assert asked[0] == (1, 0, 13, 0)
    # What is left is bounded by the capacity of the thirteenth pool.
    thirteenth = rated(uneven).program.solve(np.array(asked[-1])).qps
    assert (thirteenth / searched.chosen.served_qps - 1) * 100 == pytest.approx(certificate.gap_percent)


def test_less_patience_ends_the_search_earlier() -> None:
    """After the first, four more are measured; the gap is what the fifth leaves open."""
    asked: list[tuple[int, ...]] = []
    half = rated(lambda _, capacity: capacity / 2, asked)
    certificate = found(best_by_program(question(), half, enough=Enough(patience=4))).certificate

    assert 5 == len(asked) == certificate.pools_simulated
    assert "no_better" == certificate.ended
    fifth = rated(uneven).program.solve(np.array(asked[-1])).qps
    first = rated(uneven).program.solve(np.array(asked[0])).qps
    assert (fifth / (first / 2) - 1) * 100 == pytest.approx(certificate.gap_percent)


@pytest.mark.parametrize("search", [best_in_budget, best_by_program])
def test_what_is_close_enough_ends_the_search_with_its_gap(search: Callable[..., Found | str]) -> None:
    """Pools that serve 90 or 95 % of their capacity, of which 6 % is enough: the gap says how close it is."""
    exact = found(search(question(), rated(uneven)))
    close = found(search(question(), rated(uneven), enough=Enough(close=0.06)))

    assert ("bound", "close") == (exact.certificate.ended, close.certificate.ended)
    assert 0.0 < close.certificate.gap_percent <= 6.0
    assert close.certificate.pools_simulated < exact.certificate.pools_simulated
    could_be = close.chosen.served_qps * (1 + close.certificate.gap_percent / 100)
    assert exact.chosen.served_qps <= could_be * (1 + 1e-9)


def test_time_ends_the_search_with_what_was_found() -> None:
    """Of a clock that loses a second at every look, three seconds end the search early, and the gap says so."""
    left = iter(range(3, -1000, -1))
    searched = found(best_by_program(question(), rated(lambda _, capacity: capacity / 2), lambda: next(left)))

    assert "time_limit" == searched.certificate.ended
    assert PATIENCE > searched.certificate.pools_simulated >= 1
    assert 100.0 == pytest.approx(searched.certificate.gap_percent, abs=10.0)


def test_no_simulation_is_begun_that_would_not_end_in_time() -> None:
    """After a simulation of 60 s another one is not begun with 40 s left."""
    now = [0.0]

    def slow(_: Counts, capacity_qps: float) -> float:
        now[0] += 60
        return capacity_qps / 2

    searched = found(best_by_program(question(), rated(slow), lambda: 100 - now[0]))

    assert 60.0 == now[0]
    assert ("time_limit", 1) == (searched.certificate.ended, searched.certificate.pools_simulated)


def test_time_does_not_end_a_search_with_nothing_to_show() -> None:
    """Where the first pools serve nothing in simulation, the search goes on beyond its time to one that does."""
    simulated: list[Counts] = []

    def third_one(counts: Counts, capacity_qps: float) -> float:
        simulated.append(counts)
        return capacity_qps / 2 if len(simulated) >= 3 else 0.0

    searched = found(best_by_program(question(), rated(third_one), lambda: 0.0))

    assert ("time_limit", 3) == (searched.certificate.ended, searched.certificate.pools_simulated)


def test_every_pool_may_be_looked_at() -> None:
    """Of one big machine within budget there is one pool; once it is measured there is no other."""
    scenario = toy(budget_usd_per_hour=1.1, only=("big",), choose="verified")
    rater = Rater(toy_table(scenario), measure_by(lambda _, capacity: capacity / 2))
    searched = found(best_by_program(scenario, rater))

    assert ("every_pool", 0.0) == (searched.certificate.ended, searched.certificate.gap_percent)


def toy_table(scenario: Scenario) -> ServiceTable:
    """Return the table of a toy question."""
    return service_table(scenario, candidates(scenario)[0])


def test_pools_that_serve_nothing_are_no_answer() -> None:
    """Where the best pools keep the target at no rate, the answer says how many were tried."""
    answer = best_by_program(question(), rated(lambda *_: 0.0))

    assert "none of the 12 best pools within 2.5 $/h keeps p99<50ms in simulation, at any rate" == answer


def test_no_pool_keeps_the_constraints() -> None:
    """Five types out of four: no pool."""
    answer = best_by_program(question(), rated(uneven, None, Constraints(min_types=5)))

    assert "no pool within 2.5 $/h can keep p99<50ms at any rate" == answer


def test_no_time_for_the_first_pool_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that finds nothing in time leaves no answer; exit code 2, not a sound no."""

    def too_slow(*_: object, **__: object) -> None:
        raise SolverError("too slow")

    monkeypatch.setattr("kairos_cli.planner.pool_program.solve", too_slow)
    with pytest.raises(SolverError, match="too slow"):
        best_by_program(question(), rated(uneven))


# --- the cheapest pool


def cheapest_of(
    rate_of: Callable[[Counts, float], float], load_qps: float, asked: list[tuple[int, ...]]
) -> Found | str:
    """Search the cheapest pool of rm2 for a load by program."""
    rater = rated(rate_of, asked)
    least = cheapest_counts(rater.table, load_qps, Constraints())
    assert least is not None
    least_usd = rater.table.cost_usd_per_hour(least.counts)
    return cheapest_by_program(question(min_qps=load_qps), rater, least.answer.bound, least_usd)


def test_the_cheapest_by_capacity_is_proven_cheapest_if_it_carries_the_load() -> None:
    """Where pools serve all of their capacity, the first is the answer, with no gap."""
    asked: list[tuple[int, ...]] = []
    answer = found(cheapest_of(lambda _, capacity: capacity, 100.0, asked))
    listed = found(cheapest(question(min_qps=100.0, budget_usd_per_hour=None), rated(lambda _, capacity: capacity)))

    assert listed.chosen.cost_usd_per_hour == pytest.approx(answer.chosen.cost_usd_per_hour)
    assert ("bound", 0.0, 1) == (
        answer.certificate.ended,
        pytest.approx(answer.certificate.gap_percent, abs=1e-4),
        len(asked),
    )


@pytest.mark.parametrize("share", [0.95, 0.8, 0.5])
def test_a_load_that_queues_costs_more(share: float) -> None:
    """Where pools serve a share of their capacity, the cheapest with so much more capacity is found or come near to."""
    asked: list[tuple[int, ...]] = []
    answer = found(cheapest_of(lambda _, capacity: capacity * share, 100.0, asked))
    rater = rated(uneven)
    enough = cheapest_counts(rater.table, 100.0 / share, Constraints())
    least = cheapest_counts(rater.table, 100.0, Constraints())
    assert enough is not None
    assert least is not None
    best_usd, least_usd = map(rater.table.cost_usd_per_hour, (enough.counts, least.counts))

    assert answer.chosen.served_qps >= 100.0
    assert best_usd <= answer.chosen.cost_usd_per_hour * (1 + 1e-6)
    assert answer.chosen.cost_usd_per_hour <= 1.02 * best_usd
    assert (answer.chosen.cost_usd_per_hour / least_usd - 1) * 100 == pytest.approx(answer.certificate.gap_percent)
    assert len(asked) <= 2 * PATIENCE


def test_a_load_no_pool_carries() -> None:
    """Where no pool keeps the target at any rate, there is none up to three times the cost."""
    answer = cheapest_of(lambda *_: 0.0, 100.0, [])

    assert isinstance(answer, str)
    assert answer.startswith("the cheapest pool with the capacity for 100 queries/s costs 1.867 $/h, but none of ")
    assert answer.endswith(" pools simulated up to 3 times that cost carries the load")

"""The options that are tried: every threshold worth it for DeepRecSys, none for the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kairos_cli.domain.service_table import ServiceTable, service_table
from kairos_cli.domain.serving import Serving
from kairos_cli.planner.candidates import candidates
from kairos_cli.policies import NAMES
from kairos_cli.policies.state import service
from kairos_cli.simulate.allowable import RELATIVE_TOLERANCE, allowable
from kairos_cli.simulate.measure import Effort, simulator
from kairos_cli.simulate.simulator import Option
from kairos_cli.simulate.tuning import NO_OPTION, options
from tests.conftest import shipped_scenario
from tests.simulate.tables import capacity, drawn_case, fixed, shipped_table


@pytest.mark.parametrize("policy", [name for name in NAMES if name != "deeprecsys"])
def test_only_deeprecsys_has_options(policy: str) -> None:
    """Every other policy is tried once, with the option 0."""
    assert [NO_OPTION] == options(policy, shipped_table("rm2"), np.array([1, 0, 13, 0]))


@pytest.mark.parametrize("pool", [(4, 0, 0, 0), (0, 2, 5, 1)])
def test_a_pool_of_one_kind_needs_no_threshold(pool: tuple[int, ...]) -> None:
    """Without base instances, or with nothing else, the threshold decides nothing and one is tried."""
    assert [NO_OPTION] == options("deeprecsys", shipped_table("rm2"), np.array(pool))


def test_thresholds_are_rows_of_the_table_without_repetition() -> None:
    """Every option is a place in the table of batch sizes, and comes once."""
    tried = options("deeprecsys", shipped_table("rm2"), np.array([1, 0, 13, 0]))
    assert len(tried) == len(set(tried))
    assert {(float(row),) for row in range(100)} >= set(tried)


def test_the_first_threshold_is_where_both_kinds_run_out_of_time_together() -> None:
    """Sizes of equal work on one base and one equal auxiliary are first cut in the middle."""
    made = fixed([[10.0] * 6, [10.0] * 5 + [200.0]], prices=[1.0, 1.0], target_ms=100.0)
    assert 0 == service(made).base
    assert (2.0,) == options("deeprecsys", made, np.array([1, 1]))[0]


@pytest.mark.parametrize("seed", range(4))
def test_no_threshold_left_out_would_have_been_better(seed: int) -> None:
    """The best rate over the options is the best over all thresholds, to the tolerance of the search.

    The search looks for a better rate in steps of its tolerance, so two of these lie between the two at most;
    a rate that happens to hold by luck above one that does not is why thresholds are compared one by one.
    """
    made, counts = mixed_pool(seed)
    simulation, bound = simulator(made, Effort(1500, 3, seed)), capacity(made, counts)

    def best(tried: list[Option]) -> float:
        found = [allowable(simulation, counts, "deeprecsys", bound, [option]) for option in tried]
        return max(each.qps for each in found if each is not None)

    every: list[Option] = [(float(row),) for row in range(len(made.batch_size))]
    tried = options("deeprecsys", made, counts)
    assert best(every) == pytest.approx(best(tried), rel=2 * RELATIVE_TOLERANCE)


@pytest.mark.parametrize(
    ("model", "pool"),
    [("rm2", (1, 0, 13, 0)), ("wnd", (3, 0, 6, 0)), ("mtwnd", (1, 0, 13, 0)), ("dien", (1, 0, 13, 0))],
)
def test_no_threshold_left_out_beats_the_options_on_measured_pools(model: str, pool: tuple[int, ...]) -> None:
    """On pools of the shipped models no threshold left out allows 3 % more than the best option returned.

    All thresholds see the same queries, so luck decides between two of them only where they are that close.
    """
    made, counts = shipped_table(model), np.array(pool)
    simulation, bound = simulator(made, Effort(1500, 2)), capacity(made, counts)
    tried = options("deeprecsys", made, counts)
    found = allowable(simulation, counts, "deeprecsys", bound, tried)
    assert found is not None
    assert found.qps > 0
    left_out = sorted({(float(row),) for row in range(len(made.batch_size))} - set(tried))
    beaten = 1.03 * found.qps
    assert allowable(simulation, counts, "deeprecsys", bound, left_out, better_than_qps=beaten) is None


@pytest.mark.parametrize("seed", range(3))
def test_all_options_in_one_search_reach_the_best_of_them(seed: int) -> None:
    """One search over all options ends at the best of the searches option by option, but for what luck may hide.

    Each option must hold just above the best so far to be looked at; in 9000 queries luck hides 3 % at most.
    """
    made, counts = mixed_pool(seed)
    simulation, bound = simulator(made, Effort(3000, 3, seed)), capacity(made, counts)
    tried = options("deeprecsys", made, counts)
    together = allowable(simulation, counts, "deeprecsys", bound, tried)
    alone = [allowable(simulation, counts, "deeprecsys", bound, [option]) for option in tried]
    assert together is not None
    assert together.option in tried
    best = max(each.qps for each in alone if each is not None)
    assert best * 0.97 <= together.qps <= best * 1.03


def mixed_pool(seed: int):  # type: ignore[no-untyped-def]
    """Return a table with base and auxiliary types, and a pool of both that can keep the target."""
    for number in range(seed * 100, seed * 100 + 100):
        case = drawn_case(number)
        base = service(case.table).base
        mixed = case.counts[base] not in (0, case.counts.sum())
        if mixed and case.table.base is not None and capacity(case.table, case.counts) > 0:
            return case.table, case.counts
    raise AssertionError("no mixed pool among a hundred")


# --- in batches


def batching(model: str, *, merge: bool = False, split: bool = False) -> ServiceTable:
    """Return the table of a shipped model that is served in batches or parts."""
    scenario = replace(shipped_scenario(model), serving=Serving(merge=merge, split=split))
    return service_table(scenario, candidates(scenario)[0])


def test_where_queries_are_merged_fcfs_has_a_limit_and_a_window() -> None:
    """Four limits, in targets, each with three delay windows in ms; one of these is none, and none is tried first."""
    made = batching("wnd", merge=True)
    tried = options("fcfs", made, np.array([4, 0, 2, 0]))
    assert 12 == len(set(tried)) == len(tried)
    limits, windows_ms = (sorted(set(each)) for each in zip(*tried, strict=True))
    assert 4 == len(limits)
    assert 1.0 == limits[-1]
    assert 0.0 == windows_ms[0]
    assert windows_ms[-1] <= 0.1 * made.qos.latency_ms * (1 + 1e-9)
    assert 0.0 == tried[0][1]


@pytest.mark.parametrize("policy", ["least_loaded", "instance_aware"])
def test_where_queries_are_merged_load_balancers_have_a_limit(policy: str) -> None:
    """Instances with queues of their own are tried with the limits of fcfs, and do not look at deadlines."""
    made, counts = batching("wnd", merge=True), np.array([4, 0, 2, 0])
    tried = options(policy, made, counts)
    assert {0.0} == {deadlines for _, deadlines in tried}
    assert {limit for limit, _ in options("fcfs", made, counts)} == {limit for limit, _ in tried}


@pytest.mark.parametrize("policy", ["clockwork", "greedy"])
def test_who_knows_what_is_in_time_needs_no_limit(policy: str) -> None:
    """Batches up to the whole target that end in time for all on board are tried, and nothing else."""
    assert [(1.0, 1.0)] == options(policy, batching("wnd", merge=True), np.array([4, 0, 2, 0]))


@pytest.mark.parametrize(
    ("merge", "split", "expected"),
    [
        (True, False, [(1.0, 0.0), (0.0, 0.0)]),
        (False, True, [(0.0, 1.0), (0.0, 0.0)]),
        (True, True, [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)]),
    ],
)
def test_shadow_is_tried_with_and_without_what_it_may_do(
    merge: bool, split: bool, expected: list[tuple[float, float]]
) -> None:
    """All that it may do comes first; the published policy does not batch and has no options."""
    made, counts = batching("wnd", merge=merge, split=split), np.array([4, 0, 2, 0])
    assert sorted(expected) == sorted(options("shadow", made, counts))
    assert expected[0] == options("shadow", made, counts)[0]
    assert [NO_OPTION] == options("kairos", made, counts)


def test_shadow_splits_where_a_query_is_larger_than_a_batch_of_the_pool() -> None:
    """Of types that serve 500 items at once queries of 1000 must be split; a type that is not there does not matter."""
    made = batching("wnd", split=True)
    half = made.largest // [1, 1, 2, 1]
    limited = replace(made, batch_rows=half)
    assert [(0.0, 1.0)] == options("shadow", limited, np.array([4, 0, 2, 0]))
    assert [(0.0, 1.0), (0.0, 0.0)] == options("shadow", limited, np.array([4, 0, 0, 0]))


@pytest.mark.parametrize("policy", [name for name in NAMES if name not in ("deeprecsys", "shadow")])
def test_where_queries_are_only_split_nobody_else_has_options(policy: str) -> None:
    """Parts are tuned for the policy whose idea they are, and for the default."""
    assert [NO_OPTION] == options(policy, batching("rm2", split=True), np.array([1, 0, 13, 0]))


def test_where_queries_are_split_deeprecsys_has_a_threshold_and_a_limit_on_parts() -> None:
    """The best twelve thresholds, each with no limit first, then with four that fall; one threshold for one kind."""
    made, counts = batching("rm2", split=True), np.array([1, 0, 13, 0])
    tried = options("deeprecsys", made, counts)
    assert 60 == len(set(tried)) == len(tried)
    by_threshold = [tried[5 * n : 5 * n + 5] for n in range(12)]
    for of_one in by_threshold:
        rows, limits = zip(*of_one, strict=True)
        assert 1 == len(set(rows))
        assert made.probability[int(rows[0])] > 0
        assert limits[0] > 1 >= limits[1] > limits[2] > limits[3] > limits[4] > 0
    whole = [row for row, _ in [each[0] for each in by_threshold]]
    plain = options("deeprecsys", shipped_table("rm2"), counts)
    sizes = [int(shipped_table("rm2").batch_size[int(row)]) for (row,) in plain[:12]]
    assert sizes == [int(made.batch_size[int(row)]) for row in whole]
    assert 5 == len(options("deeprecsys", made, np.array([0, 0, 16, 0])))


def test_thresholds_are_sizes_that_queries_have() -> None:
    """Where all multiples of the unit are rows, sizes that no query has are no thresholds."""
    made = batching("rm2", merge=True)
    assert len(made.batch_size) >= (made.probability > 0).sum()
    for (row,) in options("deeprecsys", made, np.array([1, 0, 13, 0])):
        assert made.probability[int(row)] > 0

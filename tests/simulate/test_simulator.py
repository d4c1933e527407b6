"""A pool at a rate over all replications: verdict, late shares and observed figures agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kairos_cli.domain.serving import ONE_AT_A_TIME, Serving
from kairos_cli.policies import NAMES
from kairos_cli.simulate.measure import Effort, simulator
from kairos_cli.simulate.simulator import WARM_UP, Run
from kairos_cli.simulate.tuning import NO_OPTION
from tests.simulate.batch_cases import BOTH, MERGING, SPLITTING, drawn_batch_case
from tests.simulate.tables import Case, drawn_case, played, shipped_table

EFFORT = Effort(400, 3)


def all_of(run: Run) -> list[list[float]]:
    """Return all numbers of a run."""
    arrays = (run.latency_ms, run.waited_ms, run.size, run.served_share, run.busy_ms)
    return [*(each.tolist() for each in arrays), [run.span_ms]]


@pytest.mark.parametrize("policy", NAMES)
def test_ending_early_never_changes_the_verdict(policy: str) -> None:
    """The target is kept exactly if the full runs have no more late queries than it allows, at any rate."""
    verdicts = set()
    for seed in range(12):
        case = drawn_case(seed)
        simulation = simulator(case.table, Effort(400, 3, seed))
        counted = 400 - int(400 * WARM_UP)
        for rate_qps in case.rate_qps * np.array([0.1, 0.5, 0.8, 1.0, 1.2, 3.0]):
            late = simulation.late_share(case.counts, policy, case.option, rate_qps) * counted
            for quick, total in ((False, late.sum()), (True, late[0])):
                allowed = case.table.qos.late_share * counted * (1 if quick else 3)
                verdict = simulation.keeps_target(case.counts, policy, case.option, rate_qps, quick=quick)
                assert bool(total <= allowed + 1e-6) == verdict
                verdicts.add(verdict)
    assert {True, False} == verdicts


def test_exactly_the_allowed_number_of_late_queries_keeps_the_target() -> None:
    """A percentile that allows as many late queries as there are is kept; one that allows one fewer is not."""
    for seed in range(30):
        case = drawn_case(seed)
        late = round(
            float(simulator(case.table, EFFORT).late_share(case.counts, "fcfs", NO_OPTION, case.rate_qps).sum() * 360)
        )
        for allowed in {late, late - 1} & set(range(1, 1080)):
            qos = replace(case.table.qos, percentile=100 * (1 - allowed / 1080))
            simulation = simulator(replace(case.table, qos=qos), EFFORT)
            assert (allowed >= late) == simulation.keeps_target(case.counts, "fcfs", NO_OPTION, case.rate_qps)


@pytest.mark.parametrize("policy", NAMES)
def test_late_shares_are_those_of_the_observed_latencies(policy: str) -> None:
    """The share on time that is observed is one minus the mean late share."""
    for seed in range(5):
        case = drawn_case(seed)
        simulation = simulator(case.table, EFFORT)
        late = simulation.late_share(case.counts, policy, case.option, case.rate_qps)
        run = simulation.observe(case.counts, policy, case.option, case.rate_qps)
        observed = (run.latency_ms > case.table.qos.latency_ms).reshape(3, -1).mean(axis=1)
        assert late.tolist() == pytest.approx(observed.tolist(), abs=1e-12)


def test_a_run_is_all_replications_one_after_the_other_without_their_warm_up() -> None:
    """What is observed is what the engine does with each stream, from the warm-up on; busy time counts all."""
    case = drawn_case(3)
    simulation = simulator(case.table, EFFORT)
    run = simulation.observe(case.counts, "clockwork", NO_OPTION, case.rate_qps)
    each = [
        played(Case(case.table, case.counts, NO_OPTION, stream, case.rate_qps), "clockwork")
        for stream in simulation.streams
    ]
    latencies = np.concatenate([(one.finished_ms - one.arrival_ms)[40:] for one in each])
    waits = np.concatenate([(one.started_ms - one.arrival_ms)[40:] for one in each])
    assert latencies.tolist() == run.latency_ms.tolist()
    assert waits.tolist() == run.waited_ms.tolist()
    assert np.concatenate([stream.size[40:] for stream in simulation.streams]).tolist() == run.size.tolist()
    assert pytest.approx(sum((one.finished_ms - one.started_ms).sum() for one in each)) == run.busy_ms.sum()
    assert pytest.approx(sum(one.finished_ms.max() - one.arrival_ms[0] for one in each)) == run.span_ms


def test_threads_do_not_change_anything() -> None:
    """Without threads, with one, and with several, the numbers are the same to the last digit."""
    counts = np.array([1, 0, 13, 0])
    simulators = [simulator(shipped_table("rm2"), Effort(500, 4, workers=workers)) for workers in (0, 1, 2, 6)]
    for policy in NAMES:
        shares = [one.late_share(counts, policy, (50.0,), 100.0).tolist() for one in simulators]
        assert all(shares[0] == each for each in shares)
        runs = [all_of(one.observe(counts, policy, (50.0,), 100.0)) for one in simulators]
        assert all(runs[0] == each for each in runs)


def test_the_same_call_twice_gives_the_same_answer() -> None:
    """A simulator keeps nothing from one call to the next."""
    simulation = simulator(shipped_table("rm2"), EFFORT)
    first = all_of(simulation.observe(np.array([1, 0, 13, 0]), "kairos", NO_OPTION, 100.0))
    simulation.observe(np.array([4, 0, 0, 0]), "fcfs", NO_OPTION, 20.0)
    assert first == all_of(simulation.observe(np.array([1, 0, 13, 0]), "kairos", NO_OPTION, 100.0))


def test_a_handful_of_queries_is_simulated_too() -> None:
    """Even streams of one query are served; with fewer than ten nothing is warm-up."""
    simulation = simulator(shipped_table("rm2"), Effort(1, 2))
    run = simulation.observe(np.array([1, 0, 0, 0]), "kairos", NO_OPTION, 10.0)
    assert [0.0, 0.0] == run.waited_ms.tolist()


@pytest.mark.parametrize("serving", [ONE_AT_A_TIME, MERGING, SPLITTING, BOTH], ids=str)
def test_what_each_type_serves_of_a_query_adds_up_to_all_of_it(serving: Serving) -> None:
    """The shares of a query by type sum to one; where none are split it is all on one type."""
    several = 0
    for seed in range(10):
        case = drawn_batch_case(seed, serving, "deeprecsys")
        share = (
            simulator(case.table, EFFORT).observe(case.counts, "deeprecsys", case.option, case.rate_qps).served_share
        )
        np.testing.assert_allclose(1.0, share.sum(axis=1))
        assert (share[:, case.counts == 0] == 0).all()
        several += int(((share > 0).sum(axis=1) > 1).sum())
    assert (several > 0) == serving.split

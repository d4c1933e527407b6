"""The simulation that stands beside live traffic: the plan's pool, and the very queries that were sent."""

from __future__ import annotations

import os

import numpy as np

from kairos_cli.cli import round_robin
from kairos_cli.cli.answer import note
from kairos_cli.cli.load_question import Question
from kairos_cli.cli.pool_check import table_of_pool
from kairos_cli.planner.capacity import CapacityProgram, shadow_prices
from kairos_cli.policies.state import Ints
from kairos_cli.simulate.felt import Felt, felt
from kairos_cli.simulate.measure import Effort, trace_simulator
from kairos_cli.simulate.simulator import Run, Simulator
from kairos_cli.simulate.tuning import options

#: The luck of service is drawn so often.
_REPLICATIONS = 5


def simulated(asked: Question, policy: str, quiet: bool) -> tuple[str, Felt] | None:
    """Return the policy and its figures; None where there is no plan, or its pool cannot carry the load."""
    if asked.scenario is None:
        return None
    table, counts = table_of_pool(asked.scenario, asked.pool, "--plan")
    capacity_qps = CapacityProgram(table).solve(counts).qps
    if asked.rate_qps > capacity_qps:
        note(f"note: not simulated, for it is unstable: capacity {capacity_qps:.1f} queries/s", quiet)
        return None
    workers = min(os.cpu_count() or 1, _REPLICATIONS)
    effort = Effort(len(asked.batch_size), _REPLICATIONS, asked.seed, workers)
    arrival = asked.arrival_s * asked.rate_qps
    simulation = trace_simulator(table, arrival, asked.batch_size, effort, shadow_prices)
    run = _run(simulation, counts, policy, asked.rate_qps)
    return policy, felt(run.latency_ms, np.asarray(table.batch_size[run.size]), asked.mix, asked.qos)


def _run(simulation: Simulator, counts: Ints, policy: str, rate_qps: float) -> Run:
    """Return what happens under a policy with the option that `kairos serve` takes."""
    if policy == round_robin.ROUND_ROBIN:
        run: Run = round_robin.observed(simulation, counts, rate_qps)
        return run
    return simulation.observe(counts, policy, options(policy, simulation.table, counts)[0], rate_qps)

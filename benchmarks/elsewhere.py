"""`shadow` beside `kairos` away from the published setting: other budgets, targets and latencies.

For each question the pool of most capacity, with the share of it that either policy reaches, and the ten best
pools of each model at the published setting, where `shadow` should never be worse. Two profiles are made up:
dien three times as slow with noise, and wnd twice as fast with much noise.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import Counts, ServiceTable, service_table
from kairos_cli.planner.candidates import candidates
from kairos_cli.planner.capacity import CapacityProgram, by_capacity, shadow_prices
from kairos_cli.planner.pool_program import best_counts
from kairos_cli.simulate.measure import Effort, measuring
from shared import MODELS, print_table, shipped, shipped_pools

BUDGETS_USD_PER_HOUR = (1.2, 5.0, 12.0, 60.0)
TARGETS = (0.75, 1.5, 3.0)
NEAR = 10


def main() -> None:
    _print_best_ten()
    rows = [("question", "pool", "capacity", "kairos", "shadow", "ratio")]
    for name, scenario in _questions():
        types = candidates(scenario)[0]
        table = service_table(scenario, types)
        assert scenario.budget_usd_per_hour is not None
        best = best_counts(table, scenario.budget_usd_per_hour, scenario.constraints)
        if best is None:
            rows.append((name, "none", "", "", "", ""))
            continue
        capacity_qps = CapacityProgram(table).solve(best.counts).qps
        rates = [_share(table, best.counts, capacity_qps, policy) for policy in ("kairos", "shadow")]
        ratio = f"{rates[1] / rates[0]:.2f}" if rates[0] else "–"
        rows.append((name, str(table.pool(best.counts)), f"{capacity_qps:.4g}", *(f"{r:.3f}" for r in rates), ratio))
    print_table(rows)


def _print_best_ten() -> None:
    """Print the least ratio of the two policies among the pools of most capacity."""
    rows = [("the ten pools of most capacity at 2.5 $/h", "least ratio", "median")]
    for model in MODELS:
        among = shipped_pools(model)
        ratios = []
        for row, capacity in islice(by_capacity(CapacityProgram(among.table), among.counts), NEAR):
            shares = [_share(among.table, among.counts[row], capacity.qps, policy) for policy in ("kairos", "shadow")]
            ratios.append(shares[1] / shares[0] if shares[0] else np.inf)
        rows.append((model, f"{min(ratios):.3f}", f"{np.median(ratios):.3f}"))
    print_table(rows)


def _share(table: ServiceTable, counts: Counts, capacity_qps: float, policy: str) -> float:
    """Return what a policy reaches of the capacity of a pool (J,)."""
    effort = Effort(workers=os.cpu_count() or 1)
    measured = measuring(policy, effort, shadow_prices=shadow_prices)(table)(counts, capacity_qps, 0.0)
    assert measured is not None
    return measured.qps / capacity_qps


def _questions() -> Iterator[tuple[str, Scenario]]:
    for model in MODELS:
        scenario = shipped(model)
        for budget in BUDGETS_USD_PER_HOUR:
            yield f"{model}, {budget:g} $/h", replace(scenario, budget_usd_per_hour=budget)
        for factor in TARGETS:
            qos = QosTarget(scenario.qos.percentile, scenario.qos.latency_ms * factor)
            yield f"{model}, {qos}", replace(scenario, qos=qos)
    yield "dien 3 x as slow, noise 15 %", _made_up("dien", 3.0, 0.15)
    yield "wnd 2 x as fast, noise 30 %", _made_up("wnd", 0.5, 0.3)


def _made_up(model: str, factor: float, noise: float) -> Scenario:
    """Return the question for a model with latencies scaled, and spread by a triangular noise besides."""
    scenario = shipped(model)
    spread = 1 + noise * np.sqrt(6) * _triangular(next(iter(scenario.model.latency.values())).level)
    latency = {
        name: replace(each, mean_ms=each.mean_ms * factor, quantile_ms=each.quantile_ms * factor * spread)
        for name, each in scenario.model.latency.items()
    }
    qos = QosTarget(scenario.qos.percentile, scenario.qos.latency_ms * factor)
    made: ModelProfile = replace(scenario.model, latency=latency)
    return replace(scenario, model=made, qos=qos)


def _triangular(level: np.ndarray) -> np.ndarray:
    """Return the quantiles of the symmetric triangular distribution on (-1, 1)."""
    return np.where(level < 0.5, np.sqrt(2 * level) - 1, 1 - np.sqrt(2 * (1 - level)))


if __name__ == "__main__":
    main()

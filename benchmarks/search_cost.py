"""How many pools a search has to measure before it has the best one, and before it knows that.

Every pool is measured once, under `kairos` and with modest effort; then the searches are played on what
was found. `by capacity` is how the verified rule goes through the pools, and where it can stop is its
proof. `random` is any order. `Gaussian process` is Bayesian optimisation by expected improvement: it
stands in for the search that Ribbon (SC 2021) does online. Neither of the two knows that it is done.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
from scipy.stats import norm  # type: ignore[import-untyped,unused-ignore]
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-not-found,unused-ignore]
from sklearn.gaussian_process import GaussianProcessRegressor  # type: ignore[import-not-found,unused-ignore]
from sklearn.gaussian_process.kernels import Matern, WhiteKernel  # type: ignore[import-not-found,unused-ignore]

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.planner.capacity import CapacityProgram
from kairos_cli.planner.comparison import Pools
from kairos_cli.simulate.measure import Effort, measuring
from shared import BUDGET_USD_PER_HOUR, MODELS, print_table, shipped_pools

POLICY = "kairos"
EFFORT = Effort(3000, 3)
RANDOM_SEEDS, PROCESS_SEEDS = range(20), range(5)
STARTS = 5
#: Nearly the best is good enough for most; the second figure of each search is for this share of it.
NEARLY = 0.99
#: Improvements are counted from a little above the best, so that the search goes on exploring.
EXPLORE = 0.01


def main() -> None:
    print(f"pools within {BUDGET_USD_PER_HOUR} $/h, policy {POLICY}, {EFFORT.replications} x {EFFORT.queries} queries")
    print(f"number measured until one is within {1 - NEARLY:.0%} of the best / is the best\n")
    head = ("model", "pools", "best qps", "by capacity", "proof", "random", "Gaussian process", "pool", "measured in s")
    print_table([head, *map(_row, MODELS)])


def _row(model: str) -> tuple[str, str, str, str, str, str, str, str, str]:
    """Measure all pools of a model and search them."""
    among = shipped_pools(model)
    start = time.perf_counter()
    capacity_qps = _capacities(among)
    measured_qps = _measured(among, capacity_qps)
    taken = time.perf_counter() - start
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        searched = [_needed(_by_process(among, measured_qps, seed), measured_qps) for seed in PROCESS_SEEDS]
    shuffled = [_needed(iter(_shuffled(len(measured_qps), seed)), measured_qps) for seed in RANDOM_SEEDS]
    by_capacity = np.argsort(-capacity_qps, kind="stable").tolist()
    return (
        model,
        str(len(among.counts)),
        f"{measured_qps.max():.1f}",
        _shown([_needed(iter(by_capacity), measured_qps)]),
        str(int((capacity_qps > measured_qps.max()).sum())),
        _shown(shuffled),
        _shown(searched),
        str(among.table.pool(among.counts[int(measured_qps.argmax())])),
        f"{taken:.0f}",
    )


def _capacities(among: Pools) -> Floats:
    program = CapacityProgram(among.table)
    return np.array([program.solve(counts).qps for counts in among.counts])


def _measured(among: Pools, capacity_qps: Floats) -> Floats:
    """Return the allowable throughput of every pool (N,), measured on all cores."""
    measure = measuring(POLICY, EFFORT)(among.table)

    def qps(row: int) -> float:
        found = measure(among.counts[row], float(capacity_qps[row]), 0.0)
        return found.qps if found else 0.0

    with ThreadPoolExecutor(os.cpu_count()) as executor:
        return np.array(list(executor.map(qps, range(len(among.counts)))))


def _needed(order: Iterator[int], measured_qps: Floats) -> tuple[int, int]:
    """Return how many pools are measured in that order until one is nearly the best, and until the best is."""
    nearly = 0
    for number, row in enumerate(order, start=1):
        if not nearly and measured_qps[row] >= NEARLY * measured_qps.max():
            nearly = number
        if measured_qps[row] == measured_qps.max():
            return nearly, number
    raise AssertionError("the order leaves pools out")


def _shown(needed: Sequence[tuple[int, int]]) -> str:
    """Return the two means of several searches."""
    nearly, best = np.mean(needed, axis=0)
    return f"{nearly:.0f} / {best:.0f}"


def _shuffled(number: int, seed: int) -> list[int]:
    return [int(row) for row in np.random.default_rng(seed).permutation(number)]


def _by_process(among: Pools, measured_qps: Floats, seed: int) -> Iterator[int]:
    """Yield pools: some at random, then always the one with the greatest expected improvement."""
    place = among.counts / np.maximum(among.counts.max(axis=0), 1)
    known = list(islice(_shuffled(len(place), seed), STARTS))
    yield from known
    while len(known) < len(place):
        improvement = _expected_improvement(place, known, measured_qps[known], seed)
        improvement[known] = -np.inf
        known.append(int(np.argmax(improvement)))
        yield known[-1]


def _expected_improvement(place: Floats, known: Sequence[int], qps: Floats, seed: int) -> Floats:
    """Return how much better than the best so far each place (N,) is expected to be."""
    kernel = Matern(np.ones(place.shape[1]), (0.05, 20.0), nu=2.5) + WhiteKernel(1e-4, (1e-6, 1e-1))
    process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed).fit(place[known], qps)
    mean, deviation = process.predict(place, return_std=True)
    deviation = np.maximum(deviation, 1e-12)
    above = mean - qps.max() * (1 + EXPLORE)
    return np.asarray(above * norm.cdf(above / deviation) + deviation * norm.pdf(above / deviation))


if __name__ == "__main__":
    main()

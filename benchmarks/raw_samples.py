"""What profiles cost in accuracy: allowable throughput by the raw samples beside that by the profile.

    python benchmarks/raw_samples.py SAMPLES.csv

A profile keeps the mean and a dozen quantiles of each series of samples, with straight lines between. Here
the simulation draws from the samples themselves, each of them as likely as any other, on the same queries
and with the same luck. The columns of the CSV are `model,instance,batch_size`, then one for each sample.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from kairos_cli.domain.latency_profile import Floats, LatencyProfile, ModelProfile
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import ServiceTable, service_table
from kairos_cli.planner.candidates import candidates
from kairos_cli.planner.capacity import CapacityProgram, by_capacity
from kairos_cli.planner.choice import verified_choice
from kairos_cli.planner.comparison import pools
from kairos_cli.policies.state import Ints
from kairos_cli.simulate.allowable import Allowable
from kairos_cli.simulate.measure import Effort, measuring
from shared import MODELS, print_table, shipped

POLICY = "kairos"
#: The pool is chosen with less effort than the two are compared with.
CHOICE, COMPARISON = Effort(3000, 3), Effort(20_000, 10, workers=2)
NOISY = "t3.xlarge"
TARGET = 0.02


def main() -> None:
    path = Path(sys.argv[1])
    print(f"policy {POLICY}, {COMPARISON.replications} x {COMPARISON.queries} queries\n")
    rows = [("model", "pool", "by profile qps", "95 %", "by samples qps", "difference")]
    largest = 0.0
    for model in MODELS:
        scenario = shipped(model)
        raw = replace(scenario, model=_raw_model(path, scenario.model))
        for counts in _pools(scenario):
            table, raw_table = _table(scenario), _table(raw)
            profiled, sampled = _allowable(table, counts), _allowable(raw_table, counts)
            difference = profiled.qps / sampled.qps - 1
            largest = max(largest, abs(difference))
            low, high = profiled.ci95_qps
            each = f"{profiled.qps:.1f}", f"{low:.1f}-{high:.1f}", f"{sampled.qps:.1f}", f"{difference:+.2%}"
            rows.append((model, str(table.pool(counts)), *each))
    print_table(rows)
    print(f"largest difference {largest:.2%}, target {TARGET:.0%}: {'met' if largest <= TARGET else 'MISSED'}")


def _table(scenario: Scenario) -> ServiceTable:
    return service_table(scenario, candidates(scenario)[0])


def _pools(scenario: Scenario) -> Iterator[Ints]:
    """Yield the best pool without a noisy machine and the best with one, so the best of all among them."""
    among = pools(scenario)
    if isinstance(among, str):
        raise SystemExit(among)
    noisy = among.counts[:, among.table.names.index(NOISY)] > 0
    for counts in (among.counts[~noisy], among.counts[noisy]):
        program = CapacityProgram(among.table)
        found = verified_choice(by_capacity(program, counts), counts, measuring(POLICY, CHOICE)(among.table))
        if found:
            yield counts[found.row]


def _allowable(table: ServiceTable, counts: Ints) -> Allowable:
    found = measuring(POLICY, COMPARISON)(table)(counts, CapacityProgram(table).solve(counts).qps, 0.0)
    assert found is not None
    return found


def _raw_model(path: Path, model: ModelProfile) -> ModelProfile:
    """Return the model with every profile made of its samples instead."""
    series: dict[str, dict[int, list[float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for name, instance, size, *samples in csv.reader(file):
            if name == model.name:
                series.setdefault(instance, {})[int(size)] = sorted(float(each) for each in samples if each)
    return replace(model, latency={name: _raw_profile(name, by_size) for name, by_size in series.items()})


def _raw_profile(instance: str, by_size: dict[int, list[float]]) -> LatencyProfile:
    """Return a profile with a flat step for each sample; all series must be of one length."""
    sizes = sorted(by_size)
    samples: Floats = np.array([by_size[size] for size in sizes])
    edges = np.arange(samples.shape[1] + 1) / samples.shape[1]
    level = np.repeat(edges, 2)[1:-1]  # 0, 1/99, 1/99, 2/99, …, 1: from edge to edge, then up
    return LatencyProfile(
        instance, np.array(sizes, dtype=np.int64), samples.mean(axis=1), level, np.repeat(samples, 2, axis=1)
    )


if __name__ == "__main__":
    main()

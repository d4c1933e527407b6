"""One pool under several policies: the rate each allows, and what happens at a rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kairos_cli.policies.state import Ints
from kairos_cli.simulate.allowable import Allowable, allowable
from kairos_cli.simulate.observe import Observation, observation
from kairos_cli.simulate.simulator import Simulator
from kairos_cli.simulate.tuning import options

#: The rates of the curve, in shares of the allowable throughput.
_CURVE = np.linspace(0.5, 1.15, 14)


@dataclass(frozen=True, slots=True, eq=False)
class PolicyResult:
    """How one policy does; `curve` holds pairs of rate and share on time."""

    policy: str
    allowable: Allowable
    observed: Observation | None
    curve: tuple[tuple[float, float], ...]


def evaluate(
    simulator: Simulator,
    counts: Ints,
    policies: Sequence[str],
    capacity_qps: float,
    rate_qps: float | None = None,
    told: Callable[[], None] = lambda: None,
) -> list[PolicyResult]:
    """Return the results of the policies on a pool (J,), observed at a rate or each at its allowable one.

    A policy that keeps the target at no rate is observed only where a rate is given.
    """
    results = []
    for policy in policies:
        found = allowable(simulator, counts, policy, capacity_qps, options(policy, simulator.table, counts))
        assert found is not None
        rate = rate_qps or found.qps
        observed = observation(simulator, counts, policy, found.option, rate) if rate > 0 else None
        results.append(PolicyResult(policy, found, observed, _curve(simulator, counts, policy, found, capacity_qps)))
        told()
    return results


def _curve(
    simulator: Simulator, counts: Ints, policy: str, found: Allowable, capacity_qps: float
) -> tuple[tuple[float, float], ...]:
    """Return the share on time at rates around the allowable one."""
    rates = [rate for rate in found.qps * _CURVE if 0 < rate <= capacity_qps]
    late = [simulator.late_share(counts, policy, found.option, rate) for rate in rates]
    return tuple(
        (rate, 1 - float(np.mean(share))) for rate, share in zip(rates, late, strict=True) if share is not None
    )

"""What a search found, and what it proves."""

from __future__ import annotations

from dataclasses import dataclass

from kairos_cli.planner.rating import RatedPool


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is proven about the choice.

    `method` is "enumeration" or "integer program". `pools_within_budget` counts all pools looked at,
    `pools_enumerated` those of them that can meet the target at all; of these `pools_simulated` were
    simulated and the rest discarded by their capacity. `best_other_capacity_qps` is the greatest
    capacity of any other pool, or a bound on it. `gap_percent` is by how much a pool that was not ruled
    out could at most be better than the chosen one: in rate, or in cost where a load was asked for.

    `ended` says why the search stopped: "bound" (no other pool can be better), "close" (none by more than matters
    to the one who asks), "every_pool" (all were simulated), "rule" (the rule of choice looks no further),
    "no_better" (many in a row were not better), "time_limit", or "too_large" (the pool is not simulated).
    """

    method: str
    pools_within_budget: int | None
    pools_enumerated: int | None
    pools_simulated: int
    best_other_capacity_qps: float | None
    gap_percent: float
    ended: str = "bound"


@dataclass(frozen=True, slots=True)
class Found:
    """The chosen pool, the pools to list beside it, and the certificate."""

    chosen: RatedPool
    listed: tuple[RatedPool, ...]
    certificate: Certificate


def gap_percent(could_be: float | None, is_now: float) -> float:
    """Return by how many per cent one number exceeds another; 0 if it does not."""
    return max(0.0, (could_be or 0.0) / is_now - 1) * 100 if is_now > 0 else 0.0

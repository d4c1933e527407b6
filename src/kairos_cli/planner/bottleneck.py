"""What a pool runs out of, and the type whose extra dollar is worth most (by shadow price).

The capacity is in proportion to the pool, so the parts that its types have in it, their shadow prices times
their number over the capacity, sum to one. What a looser allowance of late queries is worth is measured on
the same scale: by how many per cent the capacity rises if one per cent more queries may be late.

All is said of the instances that are sure to be left of the pool: the present ones after the worst loss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.pool import Pool
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.planner.assured import AssuredCapacity, losses
from kairos_cli.planner.capacity import Capacity, CapacityProgram
from kairos_cli.planner.change import holding
from kairos_cli.planner.rating import RatedPool, Rater

#: How many times as many late queries are allowed, to see what that is worth.
LOOSER = 1.1
#: A type that spends more than this share of its time on sizes that fit nowhere else is held up by them.
_MOSTLY = 0.5
#: Of so many types at most it is simulated what one more instance adds.
_MOST_SIMULATED_GAINS = 4

RunsOut = Literal["target", "lateness", "large sizes", "missing type", "time"]


@dataclass(frozen=True, slots=True)
class LargeSizes:
    """The sizes from a batch size up that the same types of a pool serve on time: those, and how many queries.

    A type serves a size on time if it does so, without waiting and in the batches that suit it best, as often as
    the target asks.
    """

    first: int
    query_share: float
    on_time: Pool


@dataclass(frozen=True, slots=True)
class Gain:
    """What one more instance of a type adds to the rate that a pool serves."""

    type: str
    qps_per_instance: float
    qps_per_usd_per_hour: float


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """What runs out, and what more of it is worth.

    `runs_out` is "target" where even without load too many queries are late, `late_share` of them;
    "lateness" where the allowance of late queries is worth more than any type; "missing type" where the
    pool lacks the type whose dollar is worth most; "large sizes" where that type spends most of its time on
    sizes that others are late for; else "time". `type` is None if one more of no type helps.
    `looser_allowance_gain_qps` is what LOOSER times as many late queries would add to the capacity, `busy`
    the share of its time that each type of the pool works at capacity.

    Shadow prices know no queues. `simulated` is what one more instance really adds: of that type, and of
    those that are on time with the largest sizes.
    """

    runs_out: RunsOut
    type: str | None
    gain_qps_per_instance: float
    gain_qps_per_usd_per_hour: float
    late_share: float
    looser_allowance_gain_qps: float
    large_sizes: LargeSizes
    busy: tuple[tuple[str, float], ...]
    simulated: tuple[Gain, ...] = ()


def bottleneck(program: AssuredCapacity, counts: Counts, buyable: NDArray[np.bool_]) -> Bottleneck:
    """Return what a pool (J,) runs out of; only types that are `buyable` (J,) are worth a dollar."""
    table, (lost, capacity) = program.table, program.by_loss(counts)[0]
    left = table.present(counts) - lost
    gain = capacity.shadow_price if capacity.qps > 0 else _gain_of_one(program, counts)
    per_usd = np.where(buyable, gain / table.price_usd_per_hour, 0.0)
    best = int(np.argmax(per_usd)) if per_usd.any() else None
    looser_qps = _looser_capacity_qps(program, counts) - capacity.qps
    return Bottleneck(
        _runs_out(program.plain, capacity, counts, left, best, looser_qps),
        None if best is None else table.names[best],
        0.0 if best is None else float(gain[best]),
        float(per_usd.max()),
        table.least_late_share(left > 0),
        looser_qps,
        _large_sizes(table, left),
        tuple((table.names[j], float(capacity.busy[j] / left[j])) for j in np.flatnonzero(left).tolist()),
    )


def with_simulated_gain(found: Bottleneck, rater: Rater, rated: RatedPool) -> Bottleneck:
    """Return the bottleneck of a pool with what one more instance of the types in question adds in simulation."""
    table, counts = rater.table, rater.table.counts(rated.pool)
    asked = [*([found.type] if found.type else []), *found.large_sizes.on_time.by_type]
    gains: list[Gain] = []
    for name in list(dict.fromkeys(asked))[:_MOST_SIMULATED_GAINS]:
        one = table.counts(Pool(((name, 1),)))
        better = holding(rater, counts + one, rater.program.solve(counts + one).qps, rated.served_qps)
        gain_qps = better.served_qps - rated.served_qps if better else 0.0
        gains.append(Gain(name, gain_qps, gain_qps / table.cost_usd_per_hour(one)))
    return replace(found, simulated=tuple(gains))


def _gain_of_one(program: AssuredCapacity, counts: Counts) -> NDArray[np.float64]:
    """Return what one more instance of each type adds: shadow prices of a pool that serves nothing tell little."""
    return np.array([program.solve(counts + one).qps for one in np.eye(len(counts), dtype=np.int64)])


def _looser_capacity_qps(program: AssuredCapacity, counts: Counts) -> float:
    """Return the capacity with more late queries; as many instances are present as before."""
    table = program.table
    late_share = min(table.qos.late_share * LOOSER, 1.0)
    looser = QosTarget(100 * (1 - late_share), table.qos.latency_ms)
    plain, present = CapacityProgram(replace(table, qos=looser)), table.present(counts)
    return min(plain.solve(present - lost).qps for lost in losses(present, program.tolerate_loss))


def _runs_out(
    program: CapacityProgram, capacity: Capacity, counts: Counts, left: Counts, best: int | None, looser_qps: float
) -> RunsOut:
    if capacity.qps <= 0:
        return "target"
    part = capacity.shadow_price * left / capacity.qps
    if looser_qps / capacity.qps / (LOOSER - 1) > part.max():
        return "lateness"
    if best is None:
        return "time"
    if not counts[best]:
        return "missing type"
    others = (left > 0) & (np.arange(len(counts)) != best)
    on_time, way = _on_time(program.table), program.ways
    alone = on_time[best] & ~on_time[others].any(axis=0)
    work = np.where(way.type == best, capacity.way_qps * way.ms, 0.0)
    return "large sizes" if others.any() and work[alone[way.size]].sum() > _MOSTLY * work.sum() else "time"


def _on_time(table: ServiceTable) -> NDArray[np.bool_]:
    """Return (J, B) whether a type serves a size on time as often as the target asks."""
    return np.asarray(table.best_on_time >= 1 - table.qos.late_share - 1e-12)


def _large_sizes(table: ServiceTable, counts: Counts) -> LargeSizes:
    """Return the sizes up to the largest that the same types of the pool serve on time."""
    queried = np.flatnonzero(table.probability)
    on_time = _on_time(table)[:, queried] & (counts > 0)[:, None]
    differs = np.flatnonzero((on_time != on_time[:, -1:]).any(axis=0))
    first = queried[int(differs[-1]) + 1 if len(differs) else 0]
    return LargeSizes(
        int(table.batch_size[first]),
        float(table.probability[first:].sum()),
        table.pool(np.where(on_time[:, -1], counts, 0)),
    )

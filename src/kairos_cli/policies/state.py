"""What a policy sees, and what it answers.

A policy is a kernel, called after every arrival and every completion while queries wait:

    assign(now_ms, waiting, pool, service, options, chosen) -> number of assignments

All times are in ms on one clock, which the caller reads; a kernel reads none. Queries and instances are
numbered by their place in the arrays. The kernel writes rows (query, instance) into `chosen`: this work
to that instance. An instance that is idle starts it at once; one that is not takes it into its own
queue, first in, first out. What is not assigned waits, and is seen again at the next event; so a policy
must not let all queries wait while all instances are idle, for no event would follow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import ServiceTable

Ints = NDArray[np.int64]


class Waiting(NamedTuple):
    """The queries that wait (W,), the earliest first: batch size as a row of the table, and arrival."""

    size: Ints
    arrival_ms: Floats


class PoolState(NamedTuple):
    """The instances (I,), those of a type side by side.

    `free_at_ms` is when an instance is expected to have done all that it was given, by mean latencies;
    `outstanding` is how many queries it has, so it is idle at 0, however late it runs.
    `first` (J + 1,) is where each type begins.
    """

    type: Ints
    free_at_ms: Floats
    outstanding: Ints
    first: Ints


class Service(NamedTuple):
    """What is known about service beforehand, by type (J,), batch size (B,) and quantile level (Q,).

    `base` is the base type and `weight` (J,) the speed of each type relative to it, at the largest size.
    `rate_qps` (J,) is what one instance would serve of the whole mix. `quantile_ms` (J, B, Q) and `level`
    (Q,) tell how latencies spread.

    For one pool: `time_price` (J,), what a ms of an instance is worth, in queries; `worth` (B,) the price of
    a query's time where it is cheapest of the types that are in time on average, `cheapest` (B,) that type,
    `late_worth` (B,) the same of all types; `lightness` (B,), a low power of the worth for those with little
    work; `fastest_ms` (B,), the mean latency of the fastest type; and `late_price`, what a late query costs.
    """

    mean_ms: Floats
    price_usd_per_hour: Floats
    rate_qps: Floats
    weight: Floats
    base: int
    target_ms: float
    quantile_ms: Floats
    level: Floats
    time_price: Floats
    worth: Floats
    cheapest: Ints
    late_worth: Floats
    lightness: Floats
    fastest_ms: Floats
    late_price: float


#: By how much the time of a type is held dearer than its shadow price if it alone is fast enough for some sizes.
_RESERVE = 1.05
#: What "all but surely" is, and the power that makes little work a little more urgent.
_SURELY, _LIGHT = 0.99, -0.2
#: What a late query costs, in queries, and in the most that serving a query in time costs more than serving it late.
_LATE, _LATE_REGRETS = 6.0, 1.5


def service(table: ServiceTable, counts: Ints | None = None, shadow_price: Floats | None = None) -> Service:
    """Return what policies know of a table and of a pool (J,) with shadow prices (J,) in queries/s an instance.

    Without a base type the fastest on the largest size stands in. Without counts the pool has all types,
    and without shadow prices an instance is worth what it would serve alone.
    """
    mean_ms = np.ascontiguousarray(table.mean_ms)
    largest_ms = mean_ms[:, -1]
    base = int(np.argmin(largest_ms)) if table.base is None else table.base
    rate_qps = 1000 / (mean_ms @ table.probability)
    present = np.ones(len(mean_ms), dtype=bool) if counts is None else counts > 0
    in_time = present[:, None] & (_high_ms(table) <= table.qos.latency_ms)
    alone = (in_time & (in_time.sum(axis=0) == 1)).any(axis=1)
    time_price = (rate_qps if shadow_price is None else shadow_price) / 1000 * np.where(alone, _RESERVE, 1.0)
    late_worth = np.where(present[:, None], time_price[:, None] * mean_ms, np.inf)
    worth = np.where(mean_ms <= table.qos.latency_ms, late_worth, np.inf)
    worth = np.where(np.isfinite(worth).any(axis=0), worth, late_worth)
    return Service(
        mean_ms,
        table.price_usd_per_hour,
        rate_qps,
        largest_ms[base] / largest_ms,
        base,
        table.qos.latency_ms,
        np.ascontiguousarray(table.quantile_ms),
        table.level,
        np.where(present, time_price, 0.0),
        worth.min(axis=0),
        worth.argmin(axis=0).astype(np.int64),
        late_worth.min(axis=0),
        np.maximum(worth.min(axis=0), 1e-9) ** _LIGHT,
        np.where(present[:, None], mean_ms, np.inf).min(axis=0),
        max(_LATE, _LATE_REGRETS * float((worth.min(axis=0) - late_worth.min(axis=0)).max())),
    )


def _high_ms(table: ServiceTable) -> Floats:
    """Return the latency (J, B) that service all but surely keeps to."""
    above = int(np.clip(np.searchsorted(table.level, _SURELY), 1, len(table.level) - 1))
    part = (_SURELY - table.level[above - 1]) / (table.level[above] - table.level[above - 1])
    low_ms, high_ms = table.quantile_ms[..., above - 1], table.quantile_ms[..., above]
    return np.asarray(low_ms + part * (high_ms - low_ms))

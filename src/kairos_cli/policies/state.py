"""What a policy sees, and what it answers.

A policy is a kernel, called after every arrival and every completion while queries wait:

    assign(now_ms, waiting, pool, service, options, chosen) -> number of assignments

All times are in ms on one clock, which the caller reads; a kernel reads none. Queries and instances are
numbered by their place in the arrays. The kernel writes rows (query, instance, size) into `chosen`: this work
to that instance. The size is a row of the table of batch sizes. It is the query's own where all of it is assigned;
where queries may be split it may be a smaller one, a part, and the rest goes on waiting with its own size. An
instance that is idle starts at once: all rows for it in one answer are one batch, which there may be where queries
may be merged. One that is not takes the work into its own queue, first in, first out (policies.own_queue).
What is not assigned waits, and is seen again at the next event. A policy may ask for one at a time of its own, by
writing it to `pool.wake_ms`; it must do so if it lets all queries wait while all instances are idle.

Where queries are merged or split, row r of the table stands for r + 1 units of items: so pieces of the rows r
and s together have the row r + s + 1.
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
    `outstanding` is how many queries it has, so it is idle at 0, however late it runs; `queued` is how many units
    wait in its own queue, where queries are merged.
    `first` (J + 1,) is where each type begins. `wake_ms` (1,) is for the answer: when to be asked again at the
    latest; it is set to never before each call.
    """

    type: Ints
    free_at_ms: Floats
    outstanding: Ints
    queued: Ints
    first: Ints
    wake_ms: Floats


class Service(NamedTuple):
    """What is known about service beforehand, by type (J,), batch size (B,) and quantile level (Q,).

    `base` is the base type and `weight` (J,) the speed of each type relative to it, at the largest size.
    `rate_qps` (J,) is what one instance would serve of the whole mix. `quantile_ms` (J, B, Q) and `level`
    (Q,) tell how latencies spread.

    For one pool: `time_price` (J,), what a ms of an instance is worth, in queries; `worth` (B,) the price of
    a query's time where it is cheapest of the types that are in time on average, `cheapest` (B,) that type,
    `late_worth` (B,) the same of all types; `lightness` (B,), a low power of the worth for those with little
    work; `fastest_ms` (B,), the mean latency of the fastest type; and `late_price`, what a late query costs.

    `merge` and `split` say what may be done with queries, `largest` (J,) how many rows a batch may have. `full` (J,) is
    the row of the largest batch that is all but surely in time if it is started at once. `high_ms` (J, B) is the
    latency that service all but surely keeps to. `share_ms` (J, B) is what a query takes of an
    instance's time in the batches that suit it best: its mean latency, where none are merged or split.
    `parts` (B,) is in how many parts a query is served, 1 where none are split.
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
    merge: bool
    split: bool
    largest: Ints
    full: Ints
    high_ms: Floats
    share_ms: Floats
    parts: Ints


#: By how much the time of a type is held dearer than its shadow price if it alone is fast enough for some sizes.
_RESERVE = 1.05
#: What "all but surely" is, and the power that makes little work a little more urgent.
_SURELY, _LIGHT = 0.99, -0.2
#: How much of the target the parts of a query may take, so that there is time for all of them to begin.
_PART_TARGETS = 0.7
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
    high_ms = _high_ms(table)
    share_ms, surely = _share_ms(table, high_ms)
    in_time = present[:, None] & surely
    alone = (in_time & (in_time.sum(axis=0) == 1)).any(axis=1)
    time_price = (rate_qps if shadow_price is None else shadow_price) / 1000 * np.where(alone, _RESERVE, 1.0)
    late_worth = np.where(present[:, None], time_price[:, None] * share_ms, np.inf)
    on_average = mean_ms <= table.qos.latency_ms
    if not table.serving.one_at_a_time:
        on_average |= surely
    worth = np.where(on_average, late_worth, np.inf)
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
        _fastest_ms(table, present),
        max(_LATE, _LATE_REGRETS * float((worth.min(axis=0) - late_worth.min(axis=0)).max())),
        table.serving.merge,
        table.serving.split,
        table.largest,
        _full(table, high_ms),
        high_ms,
        share_ms,
        _parts(table, high_ms, worth.argmin(axis=0)),
    )


def _fastest_ms(table: ServiceTable, present: NDArray[np.bool_]) -> Floats:
    """Return the mean latency (B,) of the fastest type that may serve so much at once, of all where none may."""
    mean_ms = np.where(present[:, None], table.mean_ms, np.inf)
    able_ms = np.where(np.arange(mean_ms.shape[1]) < table.largest[:, None], mean_ms, np.inf).min(axis=0)
    return np.asarray(np.where(np.isfinite(able_ms), able_ms, mean_ms.min(axis=0)))


def _high_ms(table: ServiceTable) -> Floats:
    """Return the latency (J, B) that service all but surely keeps to."""
    above = int(np.clip(np.searchsorted(table.level, _SURELY), 1, len(table.level) - 1))
    part = (_SURELY - table.level[above - 1]) / (table.level[above] - table.level[above - 1])
    low_ms, high_ms = table.quantile_ms[..., above - 1], table.quantile_ms[..., above]
    return np.asarray(low_ms + part * (high_ms - low_ms))


def _full(table: ServiceTable, high_ms: Floats) -> Ints:
    """Return the row (J,) of the largest batch in time; of the smallest, where none is."""
    rows = np.arange(high_ms.shape[1])
    in_time = (rows < table.largest[:, None]) & (high_ms <= table.qos.latency_ms)
    return np.asarray((in_time * rows).max(axis=1), dtype=np.int64)


def _share_ms(table: ServiceTable, high_ms: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the time (J, B) that a query takes of an instance in the batches that suit it best, and if there are any.

    Of those that are all but surely in time, if there are any; else served alone.
    """
    mean_ms = np.ascontiguousarray(table.mean_ms)
    surely = high_ms <= table.qos.latency_ms
    if table.serving.one_at_a_time:
        return mean_ms, surely
    served = surely & (np.arange(mean_ms.shape[1]) < table.largest[:, None])
    item_ms = np.where(served, mean_ms / table.batch_size, np.inf)
    if table.serving.split:
        item_ms = np.minimum.accumulate(item_ms, axis=1)
    if table.serving.merge:
        item_ms = np.minimum.accumulate(item_ms[:, ::-1], axis=1)[:, ::-1]
    surely = np.isfinite(item_ms)
    return np.ascontiguousarray(np.where(surely, item_ms * table.batch_size, mean_ms)), surely


def _parts(table: ServiceTable, high_ms: Floats, cheapest: Ints) -> Ints:
    """Return in how many parts (B,) a query is served: as few as are surely in time where its time is cheapest."""
    parts = np.ones(len(table.batch_size), dtype=np.int64)
    if not table.serving.split:
        return parts
    limit_ms = _PART_TARGETS * table.qos.latency_ms
    for row, kind in enumerate(cheapest.tolist()):
        able = np.flatnonzero((high_ms[kind] <= limit_ms) & (np.arange(len(parts)) < table.largest[kind]))
        most = int(able[-1]) + 1 if len(able) else 1
        whole = high_ms[kind, row] <= table.qos.latency_ms and row < table.largest[kind]
        parts[row] = 1 if whole else -(-(row + 1) // most)
    return parts

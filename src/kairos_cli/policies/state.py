"""What a policy sees, and what it answers.

A policy is a kernel, called after every arrival and every completion while queries wait:

    assign(now_ms, waiting, pool, service, options, chosen) -> number of assignments

All times are in ms on one clock, which the caller reads; a kernel reads none. Queries and instances are
numbered by their place in the arrays. The kernel writes rows (query, instance) into `chosen`: this work
to that instance. An instance that is idle starts it at once; one that is not takes it into its own
queue, first in, first out. What is not assigned waits, and is seen again at the next event.
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
    """What is known about service beforehand, by type (J,) and batch size (B,).

    `base` is the base type and `weight` (J,) the speed of each type relative to it, at the largest size.
    `rate_qps` (J,) is what one instance would serve of the whole mix.
    """

    mean_ms: Floats
    price_usd_per_hour: Floats
    rate_qps: Floats
    weight: Floats
    base: int
    target_ms: float


def service(table: ServiceTable) -> Service:
    """Return what policies know of a table; without a base type the fastest on the largest size stands in."""
    mean_ms = np.ascontiguousarray(table.mean_ms)
    largest_ms = mean_ms[:, -1]
    base = int(np.argmin(largest_ms)) if table.base is None else table.base
    return Service(
        mean_ms,
        table.price_usd_per_hour,
        1000 / (mean_ms @ table.probability),
        largest_ms[base] / largest_ms,
        base,
        table.qos.latency_ms,
    )

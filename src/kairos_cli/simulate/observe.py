"""What a pool does under a policy at a rate, in figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.policies.state import Ints
from kairos_cli.simulate.simulator import Run, Simulator

PERCENTILES = (50.0, 95.0, 99.0, 99.9)
#: The queries are told apart in so many classes of batch size, alike in number of queries.
_CLASSES = 5


@dataclass(frozen=True, slots=True)
class SizeClass:
    """The queries of neighbouring batch sizes: latency, and who served them by type (J,)."""

    first: int
    last: int
    query_share: float
    p50_ms: float
    p99_ms: float
    on_time_fraction: float
    served_by: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """The figures of one pool, policy and rate; `percentile_ms` goes with PERCENTILES, `utilisation` is (J,).

    `queue_length` is the mean number of queries that have arrived but are not in service.
    """

    rate_qps: float
    percentile_ms: tuple[float, ...]
    longest_ms: float
    on_time_fraction: float
    queue_length: float
    utilisation: tuple[float, ...]
    size_classes: tuple[SizeClass, ...]
    latency_ms: Floats


def observation(simulator: Simulator, counts: Ints, policy: str, option: float, rate_qps: float) -> Observation:
    """Return what happens on a pool (J,) at a rate."""
    run = simulator.observe(counts, policy, option, rate_qps)
    on_time = run.latency_ms <= simulator.table.qos.latency_ms
    return Observation(
        rate_qps,
        tuple(float(each) for each in np.percentile(run.latency_ms, PERCENTILES)),
        float(run.latency_ms.max()),
        float(on_time.mean()),
        float(rate_qps / 1000 * run.waited_ms.mean()),  # Little's law
        tuple(
            float(busy / (run.span_ms * count)) if count else 0.0
            for busy, count in zip(run.busy_ms, counts, strict=True)
        ),
        tuple(_size_classes(simulator, run, on_time, len(counts))),
        run.latency_ms,
    )


def size_class_numbers(probability: Floats) -> Ints:
    """Return to which class each size of a mix (B,) belongs, by number; classes have about as many queries each."""
    edges = np.searchsorted(np.cumsum(probability), np.arange(1, _CLASSES) / _CLASSES)
    return np.searchsorted(np.unique(edges), np.arange(len(probability)), side="left").astype(np.int64)


def _size_classes(simulator: Simulator, run: Run, on_time: NDArray[np.bool_], types: int) -> list[SizeClass]:
    """Return classes of neighbouring sizes with about as many queries each."""
    table = simulator.table
    class_of_size = size_class_numbers(table.probability)
    classes = []
    for number in range(class_of_size.max() + 1):
        sizes = np.flatnonzero((class_of_size == number) & (table.probability > 0))
        inside = np.isin(run.size, sizes)
        if not inside.any():
            continue
        latency_ms = run.latency_ms[inside]
        served = np.bincount(run.type[inside], minlength=types) / inside.sum()
        classes.append(
            SizeClass(
                int(table.batch_size[sizes[0]]),
                int(table.batch_size[sizes[-1]]),
                float(inside.mean()),
                float(np.percentile(latency_ms, 50)),
                float(np.percentile(latency_ms, 99)),
                float(on_time[inside].mean()),
                tuple(float(each) for each in served),
            )
        )
    return classes

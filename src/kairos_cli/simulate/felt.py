"""What those who asked have felt: latencies by query and by batch size, of a simulation or of live traffic alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.policies.state import Ints
from kairos_cli.simulate.observe import PERCENTILES, size_class_numbers


@dataclass(frozen=True, slots=True)
class FeltClass:
    """The queries of neighbouring batch sizes; no latencies where none of them was answered."""

    first: int
    last: int
    query_share: float
    p50_ms: float | None
    p99_ms: float | None
    on_time_fraction: float


@dataclass(frozen=True, slots=True, eq=False)
class Felt:
    """The figures of some queries; `percentile_ms` goes with PERCENTILES, and is empty where none was answered.

    Percentiles are of the answered queries; those without an answer count as late.
    """

    percentile_ms: tuple[float, ...]
    longest_ms: float | None
    on_time_fraction: float
    size_classes: tuple[FeltClass, ...]


def felt(latency_ms: Floats, batch_size: Ints, mix: QueryMix, qos: QosTarget) -> Felt:
    """Return the figures of queries (N,) of a mix; the latency of one without an answer is NaN."""
    answered = latency_ms[~np.isnan(latency_ms)]
    classes = size_class_numbers(mix.probability)
    size = np.searchsorted(mix.batch_size, batch_size)
    numbers = [number for number in range(classes.max() + 1) if (classes[size] == number).any()]
    return Felt(
        tuple(float(each) for each in np.percentile(answered, PERCENTILES)) if len(answered) else (),
        float(answered.max()) if len(answered) else None,
        float((latency_ms <= qos.latency_ms).mean()),
        tuple(_class(latency_ms[classes[size] == each], mix.batch_size[classes == each], len(latency_ms), qos)
              for each in numbers),
    )  # fmt: skip


def _class(latency_ms: Floats, batch_size: Ints, queries: int, qos: QosTarget) -> FeltClass:
    answered = latency_ms[~np.isnan(latency_ms)]
    p50, p99 = np.percentile(answered, (50, 99)).tolist() if len(answered) else (None, None)
    on_time = float((latency_ms <= qos.latency_ms).mean())
    return FeltClass(int(batch_size[0]), int(batch_size[-1]), len(latency_ms) / queries, p50, p99, on_time)

"""How long one model takes on one instance type, by batch size: the mean and the spread.

A profile keeps, for each measured batch size, the mean and a row of quantiles. Between two measured
sizes both are interpolated linearly; beyond the largest nothing is assumed. Between two quantiles the
distribution is taken as uniform, so it can be drawn from by a look-up in a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.qos import QosTarget

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LatencyProfile:
    """The service latency of one model on one instance type.

    `batch_size` (B,) rises strictly; `mean_ms` is (B,); `quantile_ms` (B, Q) holds the latencies at the
    cumulative probabilities `level` (Q,), which run from 0 to 1.
    """

    instance_type: str
    batch_size: NDArray[np.int64]
    mean_ms: Floats
    level: Floats
    quantile_ms: Floats

    @property
    def largest(self) -> int:
        """The largest profiled batch size."""
        return int(self.batch_size[-1])

    def at(self, batch_size: NDArray[np.int64]) -> LatencyProfile:
        """Return the profile at other batch sizes, none of them beyond the largest profiled one.

        A size under the smallest profiled one is taken to cost as much as that one.
        """
        if len(batch_size) and batch_size[-1] > self.largest:
            raise ValueError(f"batch size {batch_size[-1]} is beyond the profile of {self.instance_type}")
        columns = [np.interp(batch_size, self.batch_size, column) for column in self.quantile_ms.T]
        mean_ms = np.interp(batch_size, self.batch_size, self.mean_ms)
        return LatencyProfile(self.instance_type, batch_size, mean_ms, self.level, np.stack(columns, axis=-1))

    def with_exact_mean(self) -> LatencyProfile:
        """Return the profile with its quantiles scaled so that draws from them average to `mean_ms`.

        Straight lines between quantiles overestimate a skewed mean by up to 1.5 % on the shipped
        profiles. Scaling keeps simulation and capacity, which uses the mean, about the same machine.
        """
        drawn_mean = (self.quantile_ms[:, 1:] + self.quantile_ms[:, :-1]) / 2 @ np.diff(self.level)
        scaled = self.quantile_ms * (self.mean_ms / drawn_mean)[:, None]
        return LatencyProfile(self.instance_type, self.batch_size, self.mean_ms, self.level, scaled)

    def slowed(self, factor: float) -> LatencyProfile:
        """Return the profile of a machine that takes `factor` times as long for everything."""
        return replace(self, mean_ms=self.mean_ms * factor, quantile_ms=self.quantile_ms * factor)

    def on_time(self, latency_ms: float) -> Floats:
        """Return the probability (B,) that a query is served within `latency_ms` once started."""
        return np.array([_share_within(row, self.level, latency_ms) for row in self.quantile_ms])


def _share_within(quantile_ms: Floats, level: Floats, latency_ms: float) -> float:
    """Return the cumulative probability at `latency_ms`; equal quantiles count up to the highest level."""
    above = int(np.searchsorted(quantile_ms, latency_ms, side="right"))
    if above == 0 or above == len(level):
        return float(above > 0)
    low, high = quantile_ms[above - 1], quantile_ms[above]
    step = level[above] - level[above - 1]
    return float(level[above - 1] + step * (latency_ms - low) / (high - low))


@dataclass(frozen=True, slots=True, eq=False)
class ModelProfile:
    """All latency profiles of one model, by instance type, and the QoS target it usually has.

    `mergeable` and `splittable` say whether its queries may share a batch and be served in parts; `largest_batch`
    is the largest that its servers take, if that is less than what was measured.
    """

    name: str
    qos: QosTarget | None
    latency: Mapping[str, LatencyProfile]
    description: str = ""
    source: str = ""
    licence: str = ""
    mergeable: bool = True
    splittable: bool = True
    largest_batch: int | None = None

    def slowed(self, factor: float) -> ModelProfile:
        """Return the model on machines that take `factor` times as long, with a target as many times as long."""
        latency = {name: profile.slowed(factor) for name, profile in self.latency.items()}
        return replace(self, qos=self.qos and self.qos.slowed(factor), latency=latency)

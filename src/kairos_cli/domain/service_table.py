"""A scenario as arrays: what every formula, program and simulation reads.

Vocabulary: J instance types, B batch sizes, Q quantile levels. One whole query at a time, the batch sizes are
those of the mix. Where queries are merged or split they are all multiples of one *unit*, the greatest common divisor of
the sizes of the mix, up to the largest batch: row r has r + 1 units, and those that no query has have
probability 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.latency_profile import Floats, LatencyProfile
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.presence import present_count
from kairos_cli.domain.prices import InstanceType
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.serving import ONE_AT_A_TIME, Serving

#: Numbers of instances: of one pool (J,) or of several (N, J).
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ServiceTable:
    """Prices, mix and latencies of the types that take part, in their common order.

    `price_usd_per_hour` (J,), `batch_size` and `probability` (B,), `mean_ms` and `on_time` (J, B),
    `quantile_ms` (J, B, Q) at `level` (Q,). `on_time` is the chance that a query started at once is
    within the target. `first_too_slow` (J,) is the first profiled batch size whose mean exceeds the target,
    or the largest profiled one; None for a table that was not made from profiles. `availability` (J,) is the
    share of the time that an instance is there, None where all always are; `zones` are where each type can stand.

    `serving` is what becomes of queries; a batch on type j is one of the first `batch_rows[j]` sizes, all of them
    where `batch_rows` (J,) is None.

    A type that can be bought in several ways has a column for each (domain.prices).
    """

    names: tuple[str, ...]
    price_usd_per_hour: Floats
    batch_size: NDArray[np.int64]
    probability: Floats
    mean_ms: Floats
    on_time: Floats
    level: Floats
    quantile_ms: Floats
    qos: QosTarget
    first_too_slow: NDArray[np.int64] | None = None
    availability: Floats | None = None
    zones: tuple[tuple[str, ...], ...] = ()
    serving: Serving = ONE_AT_A_TIME
    batch_rows: NDArray[np.int64] | None = None

    @property
    def largest(self) -> NDArray[np.int64]:
        """How many of the batch sizes each type (J,) may serve, from the smallest on."""
        if self.batch_rows is None:
            return np.full(len(self.names), len(self.batch_size), dtype=np.int64)
        return self.batch_rows

    def only(self, types: NDArray[np.bool_]) -> ServiceTable:
        """Return the table of some of the types (J,)."""
        return replace(
            self,
            names=tuple(name for name, kept in zip(self.names, types, strict=True) if kept),
            price_usd_per_hour=self.price_usd_per_hour[types],
            mean_ms=self.mean_ms[types],
            on_time=self.on_time[types],
            quantile_ms=self.quantile_ms[types],
            first_too_slow=None if self.first_too_slow is None else self.first_too_slow[types],
            availability=None if self.availability is None else self.availability[types],
            zones=tuple(each for each, kept in zip(self.zones, types, strict=True) if kept) if self.zones else (),
            batch_rows=None if self.batch_rows is None else self.batch_rows[types],
        )

    def counts(self, pool: Pool) -> NDArray[np.int64]:
        """Return the pool as a count for each type (J,); raises KeyError for a type not in the table."""
        unknown = set(pool.by_type) - set(self.names)
        if unknown:
            raise KeyError(min(unknown))
        return np.array([pool.by_type.get(name, 0) for name in self.names], dtype=np.int64)

    def pool(self, counts: NDArray[np.int64]) -> Pool:
        """Return the pool of the counts (J,)."""
        return Pool.of(self.names, counts.tolist())

    def cost_usd_per_hour(self, counts: NDArray[np.int64]) -> float:
        """Return what the counts (J,) cost by the hour."""
        return float(counts @ self.price_usd_per_hour)

    def present(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many of the counts (..., J) one may count on: of spot instances fewer are there than bought."""
        if self.availability is None:
            return counts
        present = counts.copy()
        for j in np.flatnonzero(self.availability < 1):
            number, row = np.unique(counts[..., j], return_inverse=True)
            there = [present_count(int(n), float(self.availability[j]), self.qos.percentile) for n in number]
            present[..., j] = np.array(there, dtype=np.int64)[row].reshape(counts.shape[:-1])
        return present

    @property
    def base(self) -> int | None:
        """The index of the base type, or None if there is none.

        A base type is within the target at every batch size, on average. Of several, the one that serves
        most queries for the money is the base.
        """
        in_time = (self.mean_ms[:, self.probability > 0] <= self.qos.latency_ms).all(axis=1)
        rate_per_usd = 1 / (self.mean_ms @ self.probability * self.price_usd_per_hour)
        return int(np.argmax(np.where(in_time, rate_per_usd, -1.0))) if in_time.any() else None

    @property
    def best_on_time(self) -> Floats:
        """The chance (J, B) that a query is on time on a type, started at once, in the batches that suit it best."""
        if self.serving.one_at_a_time:
            return self.on_time
        on_time = np.where(np.arange(len(self.batch_size)) < self.largest[:, None], self.on_time, 0.0)
        if self.serving.split:
            on_time = np.maximum.accumulate(on_time, axis=1)
        if self.serving.merge:
            on_time = np.maximum.accumulate(on_time[:, ::-1], axis=1)[:, ::-1]
        return on_time

    def least_late_share(self, present: NDArray[np.bool_]) -> float:
        """Return the share of queries that is late even without waiting, at best, if only `present` (J,) serve."""
        return float((1 - self.best_on_time[present].max(axis=0)) @ self.probability)


def service_table(scenario: Scenario, types: Sequence[InstanceType]) -> ServiceTable:
    """Return the arrays of `types`, each of which the scenario's model must have a profile for."""
    measured = [scenario.model.latency[each.machine] for each in types]
    batch_size, probability, batch_rows = _batch_sizes(scenario, measured)
    # Rows beyond a profile are never served by its type (`batch_rows`); they repeat its last one.
    profiles = [each.at(np.minimum(batch_size, each.largest)).with_exact_mean() for each in measured]
    return ServiceTable(
        tuple(each.name for each in types),
        np.array([each.price_usd_per_hour for each in types]),
        batch_size,
        probability,
        np.array([profile.mean_ms for profile in profiles]),
        np.array([profile.on_time(scenario.qos.latency_ms) for profile in profiles]),
        profiles[0].level,
        np.array([profile.quantile_ms for profile in profiles]),
        scenario.qos,
        np.array([_first_too_slow(each, scenario.qos.latency_ms) for each in measured]),
        np.array([each.availability for each in types]),
        tuple(each.zones for each in types),
        scenario.serving,
        batch_rows,
    )


def _batch_sizes(
    scenario: Scenario, profiles: Sequence[LatencyProfile]
) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64] | None]:
    """Return the batch sizes (B,), how likely a query is to have each, and how many of them each type may serve."""
    mix, serving = scenario.mix, scenario.serving
    if serving.one_at_a_time:
        return mix.batch_size, mix.probability, None
    unit = mix.unit
    batch_rows = np.array([scenario.largest_batch(each) // unit for each in profiles], dtype=np.int64)
    rows = max(int(batch_rows.max()), mix.largest // unit)
    probability = np.zeros(rows)
    probability[mix.batch_size // unit - 1] = mix.probability
    return unit * np.arange(1, rows + 1), probability, batch_rows


def _first_too_slow(profile: LatencyProfile, latency_ms: float) -> int:
    too_slow = np.flatnonzero(profile.mean_ms > latency_ms)
    return int(profile.batch_size[too_slow[0]]) if len(too_slow) else profile.largest

"""The upper bound of the KAIROS paper, in closed form (design 3.1).

Vocabulary: Q_b the rate of one base instance on the whole mix; for an auxiliary type x, the cut-off s_x
is the first batch size it is too slow for, f_x the share of queries up to there, t_x the share of base
time these take. It ranks pools well, in microseconds. It is not a true bound: an optimal split can
exceed it, and with several auxiliary types it can be too high. Nothing is ever discarded because of it.
It is about one query at a time; of servers that merge or split queries it says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import Counts, ServiceTable


def _mean_s(table: ServiceTable) -> Floats:
    """Return the mean service time (J,) in s over the whole mix."""
    return table.mean_ms @ table.probability / 1000


@dataclass(frozen=True, slots=True, eq=False)
class PublishedBound:
    """The figures that the bound needs of each type (J,); those of the base type are not used."""

    base: int
    base_qps: float
    cut_off: NDArray[np.int64]
    largest: int
    small_share: Floats
    base_time_share: Floats
    qps_up_to: Floats  # (J, J): rate of type x on the queries up to the cut-off of type y

    @classmethod
    def of(cls, table: ServiceTable) -> PublishedBound | None:
        """Return the figures, or None where the bound is not defined: without a base type, in batches or parts."""
        base = table.base if table.serving.one_at_a_time else None
        if base is None:
            return None
        cut_off = table.first_too_slow
        if cut_off is None:
            late = table.mean_ms > table.qos.latency_ms
            cut_off = np.where(late.any(axis=1), table.batch_size[late.argmax(axis=1)], table.batch_size[-1])
        small = table.batch_size[None, :] <= cut_off[:, None]  # (J, B)
        share = small @ table.probability
        base_work = table.mean_ms[base] * table.probability
        work = table.mean_ms * table.probability / 1000
        return cls(
            base,
            float(1 / _mean_s(table)[base]),
            cut_off,
            int(table.batch_size[-1]),
            share,
            small @ base_work / base_work.sum(),
            share[None, :] / (work @ small.T.astype(np.float64)),
        )

    def qps(self, counts: Counts) -> Floats:
        """Return the bound (N,) of each pool (N, J)."""
        bound = np.empty(len(counts))
        present, group = np.unique(counts > 0, axis=0, return_inverse=True)
        for index, types in enumerate(present):
            rows = group.reshape(-1) == index
            auxiliary = np.flatnonzero(types & (np.arange(len(types)) != self.base))
            bound[rows] = self._qps(counts[rows], auxiliary)
        return bound

    def _qps(self, counts: Counts, auxiliary: NDArray[np.intp]) -> Floats:
        """Return the bound of pools that all have the same auxiliary types."""
        base_count = counts[:, self.base].astype(np.float64)
        if not len(auxiliary):
            return np.asarray(base_count * self.base_qps)
        widest = auxiliary[np.argmax(self.cut_off[auxiliary])]
        small, time = self.small_share[auxiliary].max(), self.base_time_share[auxiliary].max()
        auxiliary_qps = counts[:, auxiliary] @ self.qps_up_to[auxiliary, widest]  # Q_a
        if self.cut_off[widest] >= self.largest:  # the auxiliaries can serve every size: the rates simply add up
            return np.asarray(auxiliary_qps + base_count * self.base_qps)
        large_only_qps = base_count * self.base_qps * (1 - small) / (1 - time)  # n_base Q_b+
        large_qps = auxiliary_qps * (1 - small) / small  # D: the large queries that come with Q_a small ones
        base_is_short = large_qps >= large_only_qps
        spare_share = 1 - large_qps / np.where(base_is_short, np.inf, large_only_qps)
        with_spare_base = auxiliary_qps / small + base_count * self.base_qps * spare_share
        return np.asarray(np.where(base_is_short, large_only_qps / (1 - small), with_spare_base))

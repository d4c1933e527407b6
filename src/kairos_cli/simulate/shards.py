"""A pool split among independent routers: each has a share of the instances and of the queries, and knows of no other.

Instances are dealt one at a time, type after type, so that shards differ by one instance of a type and by one in all.
Queries go to shards at random, as balancers do that hash connections, so that each shard has Poisson arrivals of its
own; or in turn, as clients and DNS do.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.policies.state import Ints
from kairos_cli.simulate.simulator import Option, Run, ShadowPrices, Simulator, joined, warm_up
from kairos_cli.simulate.streams import Stream

#: Beside gaps, sizes and luck, which have the first three keys of a replication.
_DEALING = 3


def dealt(counts: Ints, shards: int) -> Ints:
    """Return the instances (K, J) of so many shards of a pool (J,)."""
    kind = np.repeat(np.arange(len(counts)), counts)
    pools = np.zeros((shards, len(counts)), np.int64)
    np.add.at(pools, (np.arange(len(kind)) % shards, kind), 1)
    return pools


def at_random(streams: Sequence[Stream], share: Floats, seed: int) -> list[list[Stream]]:
    """Return the streams of each shard: a query goes to a shard by chance, by the shards' shares (K,)."""
    edges = np.cumsum(share)[:-1]
    to = []
    for replication, each in enumerate(streams):
        chance = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(replication, _DEALING)))
        to.append(np.searchsorted(edges, chance.random(len(each.size)), side="right"))
    return _parts(streams, to, len(share))


def in_turn(streams: Sequence[Stream], shards: int) -> list[list[Stream]]:
    """Return the streams of each shard: the first query goes to the first, the next to the next."""
    return _parts(streams, [np.arange(len(each.size)) % shards for each in streams], shards)


def _parts(streams: Sequence[Stream], to: Sequence[NDArray[np.intp]], shards: int) -> list[list[Stream]]:
    """Return the queries of each shard, at their times in the whole."""
    return [
        [
            Stream(each.arrival[own], each.size[own], each.step[own], each.fraction[own])
            for each, own in zip(streams, (shard_of == shard for shard_of in to), strict=True)
        ]
        for shard in range(shards)
    ]


class ShardedSimulator(Simulator):
    """Simulates pools as a Simulator does, each split among as many shards as there are `parts` of the streams.

    A shard whose part has no queries takes its instances out of use. All rates are those of the whole pool.
    """

    def __init__(
        self,
        table: ServiceTable,
        streams: Sequence[Stream],
        parts: Sequence[Sequence[Stream]],
        workers: int = 1,
        shadow_prices: ShadowPrices | None = None,
    ) -> None:
        super().__init__(table, streams)
        self._shards = len(parts)
        self._used = [shard for shard, part in enumerate(parts) if all(len(each.size) for each in part)]
        self._whole = [Simulator(table, parts[shard], 0, shadow_prices) for shard in self._used]
        self._first = [Simulator(table, parts[shard][:1], 0, shadow_prices) for shard in self._used]
        self._threads = ThreadPoolExecutor(workers)

    def keeps_target(self, counts: Ints, policy: str, option: Option, rate_qps: float, *, quick: bool = False) -> bool:
        """Tell whether enough queries of all shards together are on time; `quick` looks at the first replication."""
        late = self._late(self._first if quick else self._whole, counts, policy, option, rate_qps)
        return bool(late.mean() <= self.table.qos.late_share + 1e-12)

    def late_share(self, counts: Ints, policy: str, option: Option, rate_qps: float) -> Floats:
        """Return the late share of each replication (R,), of all shards together."""
        return self._late(self._whole, counts, policy, option, rate_qps)

    def observe(self, counts: Ints, policy: str, option: Option, rate_qps: float) -> Run:
        """Return everything that happened at a rate, in all shards."""
        pools = dealt(counts, self._shards)[self._used]
        runs = list(
            self._threads.map(lambda each, pool: each.observe(pool, policy, option, rate_qps), self._whole, pools)
        )
        # Shards run side by side: their time is not one after the other.
        return replace(joined(runs), span_ms=sum(run.span_ms for run in runs) / len(runs))

    def _late(
        self, simulators: Sequence[Simulator], counts: Ints, policy: str, option: Option, rate_qps: float
    ) -> Floats:
        pools = dealt(counts, self._shards)[self._used]
        share = self._threads.map(lambda each, pool: each.late_share(pool, policy, option, rate_qps), simulators, pools)
        counted = np.array([[len(s.size) - warm_up(s) for s in each.streams] for each in simulators])  # (K, R)
        return np.asarray((np.array(list(share)) * counted).sum(axis=0) / counted.sum(axis=0))

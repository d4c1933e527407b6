"""The policy `shadow`, written from its manual page in plain Python: every partial matching is tried.

It reads the service table, the pool and the shadow prices only: what policies are told of these is worked out
here a second time.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.policies.state import Ints, PoolState, Waiting

Answer = frozenset[tuple[int, int]]


@dataclass(frozen=True)
class Page:
    """What the manual page calls by name, for one pool (J,) of a table and its shadow prices (J,) in queries/s."""

    table: ServiceTable
    counts: Ints
    shadow_price: Floats

    @property
    def target_ms(self) -> float:
        return self.table.qos.latency_ms

    @property
    def present(self) -> list[int]:
        return [kind for kind, count in enumerate(self.counts) if count]

    def surely_ms(self, kind: int, size: int) -> float:
        """Return the latency that 99 of 100 services keep to."""
        return float(np.interp(0.99, self.table.level, self.table.quantile_ms[kind, size]))

    def fastest_ms(self, size: int) -> float:
        return min(float(self.table.mean_ms[kind, size]) for kind in self.present)

    @functools.cached_property
    def price(self) -> list[float]:
        """The price of a ms of each type, in queries: 5 % more where it alone is fast enough for some size."""
        sizes = range(len(self.table.batch_size))
        enough = {size: [k for k in self.present if self.surely_ms(k, size) <= self.target_ms] for size in sizes}
        return [
            float(self.shadow_price[kind]) / 1000 * (1.05 if [kind] in enough.values() else 1.0)
            for kind in range(len(self.counts))
        ]

    def worth(self, size: int) -> float:
        """Return the price of a query's time where it is cheapest in time, or at all if it is so nowhere."""
        return self._cheapest(size)[0]

    def cheapest(self, size: int) -> int:
        return self._cheapest(size)[1]

    def _cheapest(self, size: int) -> tuple[float, int]:
        in_time = [kind for kind in self.present if self.table.mean_ms[kind, size] <= self.target_ms]
        return min((self.price[kind] * float(self.table.mean_ms[kind, size]), kind) for kind in in_time or self.present)

    def late_worth(self, size: int) -> float:
        """Return the price of a query's time where it is cheapest, in time or not."""
        return min(self.price[kind] * float(self.table.mean_ms[kind, size]) for kind in self.present)

    @functools.cached_property
    def late_price(self) -> float:
        """What a late query costs: more than it would pay to be late."""
        sizes = range(len(self.table.batch_size))
        return max(6.0, *(1.5 * (self.worth(size) - self.late_worth(size)) for size in sizes))

    def most(self, kind: int) -> int:
        """Return how many of the queries that are cheapest on a type are matched."""
        return min(8 + 3 * int(self.counts[kind]), 32)

    def chance_of_more(self, kind: int, size: int, left_ms: float) -> float:
        """Return the chance that a service takes longer than a time, latencies uniform between quantiles."""
        quantile_ms, level = self.table.quantile_ms[kind, size], self.table.level
        done = 0.0
        for low, high, share in zip(quantile_ms, quantile_ms[1:], np.diff(level), strict=False):
            if high > low:
                done += share * min(max((left_ms - low) / (high - low), 0.0), 1.0)
            else:
                done += share * (left_ms >= high)
        return float(1 - done)

    def given_up(self, spare_ms: list[float], sizes: list[int]) -> set[int]:
        """Return which of the queries in time are sacrificed, the earliest first in both lists."""
        whole = sum(price * count for price, count in zip(self.price, self.counts, strict=True))
        kept: list[int] = []
        for row, spare in enumerate(spare_ms):
            kept.append(row)
            while row in kept and sum(self.worth(sizes[each]) for each in kept[:-1]) / whole > spare:
                most = max(self.worth(sizes[each]) for each in kept)
                # Of equals the one that could not be served in time; else the earliest.
                alike = [each for each in kept if self.worth(sizes[each]) == most]
                kept.remove(row if row in alike else alike[0])
        return set(range(len(spare_ms))) - set(kept)


def overdue(now_ms: float, waiting: Waiting, pool: PoolState, page: Page) -> Answer:
    """Return the oldest query with an instance kept for such, if it has waited more than 50 targets."""
    if now_ms - waiting.arrival_ms[0] <= 50 * page.target_ms:
        return frozenset()
    most = int(np.argmax(page.counts))
    kept = -(-int(page.counts[most]) // 16)
    own = np.flatnonzero(pool.type == most)[-kept:]
    return frozenset((0, int(each)) for each in own[pool.outstanding[own] == 0][:1])


def shadow_answers(now_ms: float, waiting: Waiting, pool: PoolState, page: Page) -> list[Answer]:
    """Return what is carried out under each least-cost partial matching; equal ones are equally good."""
    first = overdue(now_ms, waiting, pool, page)
    others = range(len(first), len(waiting.size))
    taken = [instance for _, instance in first]
    waited = {query: float(now_ms - waiting.arrival_ms[query]) for query in others}
    size = {query: int(waiting.size[query]) for query in others}
    spare = {query: page.target_ms - waited[query] - page.fastest_ms(size[query]) for query in others}
    of_type: dict[int, list[int]] = {}
    for query in others:
        if spare[query] >= 0:
            of_type.setdefault(page.cheapest(size[query]), []).append(query)
    hopeful = sorted(query for kind, queries in of_type.items() for query in queries[: page.most(kind)])
    late = [query for query in others if spare[query] < 0]
    looked_at = hopeful + late[: max(32 - len(hopeful), 0)]
    sacrificed = page.given_up([spare[query] for query in hopeful], [size[query] for query in hopeful])
    in_time = {query for place, query in enumerate(hopeful) if place not in sacrificed}
    cost = np.empty((len(looked_at), len(pool.type) + 1))
    for row, query in enumerate(looked_at):
        part_gone = 1 - spare[query] / page.target_ms
        urgency = (1 + 4 * part_gone) * page.worth(size[query]) ** -0.2
        cost[row, -1] = urgency if query in in_time else 0.01 * waited[query] / page.target_ms
        for instance, kind in enumerate(pool.type.tolist()):
            rest_ms = max(float(pool.free_at_ms[instance] - now_ms), 0.0) if pool.outstanding[instance] else 0.0
            pair = page.price[kind] * (rest_ms + page.table.mean_ms[kind, size[query]])
            pair -= page.worth(size[query]) if query in in_time else page.late_worth(size[query])
            if query in in_time:
                left_ms = page.target_ms - waited[query] - rest_ms
                pair += page.late_price * page.chance_of_more(kind, size[query], left_ms)
                pair += 0.2 * urgency * rest_ms / page.target_ms
            cost[row, instance] = np.inf if instance in taken else pair
    best = _least(cost, nobody_waits=bool((pool.outstanding == 0).all()))
    idle = [*(pool.outstanding == 0), False]
    return [
        first | {(looked_at[row], int(to)) for row, to in enumerate(way) if idle[to]} for way in best
    ]  # the last column of `cost` is to wait


@functools.cache
def _ways(rows: int, columns: int) -> NDArray[np.int64]:
    """Return all partial matchings (N, R); a row that waits has column `columns`."""
    ways = itertools.product(range(columns + 1), repeat=rows)
    fair = [way for way in ways if all(way.count(column) <= 1 for column in range(columns))]
    return np.array(fair, dtype=np.int64).reshape(len(fair), rows)


def _least(cost: NDArray[np.float64], *, nobody_waits: bool) -> NDArray[np.int64]:
    """Return the partial matchings (N, R) of least cost, of those in which the fewest wait if nobody should."""
    ways = _ways(len(cost), cost.shape[1] - 1)
    total = cost[np.arange(len(cost)), ways].sum(axis=1)
    if nobody_waits:
        waits = (ways == cost.shape[1] - 1).sum(axis=1)
        fewest = waits[np.isfinite(total)].min()
        total = np.where(waits == fewest, total, np.inf)
    return np.asarray(ways[total <= total.min() + 1e-6])

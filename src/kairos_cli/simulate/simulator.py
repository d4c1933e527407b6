"""A pool at a rate: one call simulates all replications and says what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.domain.serving import Serving
from kairos_cli.policies import NAMES
from kairos_cli.policies.state import Ints, Service, service
from kairos_cli.simulate.engine import Queries, Record, empty_record, run
from kairos_cli.simulate.streams import Stream

Result = TypeVar("Result")

#: The first tenth of a stream fills an empty pool and is not counted.
WARM_UP = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What happened to the queries that count, of all replications: arrays (N,) and the busy time by type.

    `latency_ms` is from arrival to answer and `waited_ms` the part of it before service begins; `size` is a row
    of the table and `served_share` (N, J) how much of the query each type served. `busy_ms` (J,) is the service
    time of all instances of a type, `span_ms` the time over which it was added up.
    """

    latency_ms: Floats
    waited_ms: Floats
    size: Ints
    served_share: Floats
    busy_ms: Floats
    span_ms: float


#: The numbers that a policy goes by besides the service table (simulate.tuning).
Option = tuple[float, ...]


def serving_under(policy: str, option: Option, serving: Serving) -> Serving:
    """Return what a policy does with queries: `shadow` may leave be what it may do, all others do it."""
    if policy != "shadow" or serving.one_at_a_time:
        return serving
    merge, split = option
    return replace(serving, merge=merge > 0, split=split > 0)


#: The shadow prices (J,) of a pool (J,) of a table, in queries/s an instance; the planner knows them.
ShadowPrices = Callable[[ServiceTable, Ints], Floats]


class Simulator:
    """Simulates pools of one service table on the same streams of queries.

    `shadow_prices` are what the policy `shadow` goes by.
    With `workers` it does so in that many threads, and the thread that waits for them can be interrupted,
    which compiled code cannot; with none it does so in the thread of the caller.
    """

    def __init__(
        self,
        table: ServiceTable,
        streams: Sequence[Stream],
        workers: int = 0,
        shadow_prices: ShadowPrices | None = None,
    ) -> None:
        self.table = table
        self.streams = tuple(streams)
        self._shadow_prices = shadow_prices
        self._known: dict[tuple[bytes, Serving, bool], Service] = {}
        self._quantile_ms = np.ascontiguousarray(table.quantile_ms)
        self._executor = ThreadPoolExecutor(workers) if workers else None

    def keeps_target(self, counts: Ints, policy: str, option: Option, rate_qps: float, *, quick: bool = False) -> bool:
        """Tell whether enough queries are on time at a rate; `quick` looks at the first replication only."""
        streams = self.streams[:1] if quick else self.streams
        counted = sum(len(stream.size) - warm_up(stream) for stream in streams)
        most_late = int(self.table.qos.late_share * counted + 1e-9)
        # The first replication alone shows a hopeless rate, and where none wait for each other so do the first few.
        parts = [streams[:1], streams[1:]] if self._executor else [(each,) for each in streams]
        for part in parts:
            most_late -= sum(self._late_each(part, counts, policy, option, rate_qps, most_late))
            if most_late < 0:
                return False
        return True

    def late_share(self, counts: Ints, policy: str, option: Option, rate_qps: float) -> Floats:
        """Return the late share of each replication (R,)."""
        late = list(self._late_each(self.streams, counts, policy, option, rate_qps, len(self.streams[0].size)))
        counted = np.array([len(stream.size) - warm_up(stream) for stream in self.streams])
        return np.asarray(np.array(late) / counted)

    def _late_each(
        self, streams: Sequence[Stream], counts: Ints, policy: str, option: Option, rate_qps: float, most_late: int
    ) -> Iterator[int]:
        """Return the number of late queries of each stream."""
        known = self._service(counts, policy, option)
        return self._each(lambda each: self._run(each, counts, known, policy, option, rate_qps, most_late)[0], streams)

    def _each(self, do: Callable[[Stream], Result], streams: Sequence[Stream]) -> Iterator[Result]:
        """Return what is done with each stream, side by side where there are workers."""
        return map(do, streams) if self._executor is None else self._executor.map(do, streams)

    def observe(self, counts: Ints, policy: str, option: Option, rate_qps: float) -> Run:
        """Return everything that happened at a rate."""
        known = self._service(counts, policy, option)
        return joined(
            list(self._each(lambda each: self._observe(each, counts, known, policy, option, rate_qps), self.streams))
        )

    def _service(self, counts: Ints, policy: str, option: Option) -> Service:
        """Return what a policy knows of a pool; shadow prices take a linear program, so they are kept."""
        serving = serving_under(policy, option, self.table.serving)
        key = counts.tobytes(), serving, policy == "shadow"
        if key not in self._known:
            table = replace(self.table, serving=serving)
            price = self._shadow_prices(table, counts) if self._shadow_prices and policy == "shadow" else None
            self._known[key] = service(table, counts, price)
        return self._known[key]

    def _run(
        self,
        stream: Stream,
        counts: Ints,
        known: Service,
        policy: str,
        option: Option,
        rate_qps: float,
        most_late: int,
    ) -> tuple[int, Queries, Record]:
        queries = Queries(stream.arrival * (1000 / rate_qps), stream.size, stream.step, stream.fraction)
        record = empty_record(len(stream.size), len(counts), int(counts.sum()), split=known.split)
        late = run(
            list(NAMES).index(policy),
            np.array(option),
            known,
            self._quantile_ms,
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            queries,
            record,
            warm_up(stream),
            most_late,
        )
        return late, queries, record

    def _observe(
        self, stream: Stream, counts: Ints, known: Service, policy: str, option: Option, rate_qps: float
    ) -> Run:
        everything = len(stream.size)
        _, queries, record = self._run(stream, counts, known, policy, option, rate_qps, most_late=everything)
        kind = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        kept = slice(warm_up(stream), None)
        return Run(
            (record.finished_ms - queries.arrival_ms)[kept],
            (record.started_ms - queries.arrival_ms)[kept],
            stream.size[kept],
            _served_share(record, kind, len(counts))[kept],
            np.asarray(np.bincount(kind, weights=record.busy_ms, minlength=len(counts)), dtype=np.float64),
            float(record.finished_ms.max() - queries.arrival_ms[0]),
        )


def _served_share(record: Record, kind: Ints, types: int) -> Floats:
    """Return what share of each query (N, J) each type serves; `kind` (I,) is the type of each instance."""
    if len(record.served_rows):
        return np.asarray(record.served_rows / record.served_rows.sum(axis=1, keepdims=True))
    return np.asarray(np.eye(types)[kind[record.served_by]])


def warm_up(stream: Stream) -> int:
    """Return how many queries of a stream, the first ones, are not counted."""
    return int(len(stream.size) * WARM_UP)


def joined(runs: Sequence[Run]) -> Run:
    """Return several runs as one."""
    return Run(
        np.concatenate([run.latency_ms for run in runs]),
        np.concatenate([run.waited_ms for run in runs]),
        np.concatenate([run.size for run in runs]),
        np.concatenate([run.served_share for run in runs]),
        np.sum([run.busy_ms for run in runs], axis=0),
        sum(run.span_ms for run in runs),
    )

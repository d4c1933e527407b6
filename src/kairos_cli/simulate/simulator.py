"""A pool at a rate: one call simulates all replications and says what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.policies import NAMES
from kairos_cli.policies.state import Ints, Service, service
from kairos_cli.simulate.engine import Queries, Record, run
from kairos_cli.simulate.streams import Stream

Result = TypeVar("Result")

#: The first tenth of a stream fills an empty pool and is not counted.
WARM_UP = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What happened to the queries that count, of all replications: arrays (N,) and the busy time by type.

    `latency_ms` is from arrival to answer and `waited_ms` the part of it before service; `size` is a row
    of the table and `type` the index of the type that served. `busy_ms` (J,) is the service time of all
    instances of a type, `span_ms` the time over which it was added up.
    """

    latency_ms: Floats
    waited_ms: Floats
    size: Ints
    type: Ints
    busy_ms: Floats
    span_ms: float


#: The shadow prices (J,) of a pool (J,) of a table, in queries/s an instance; the planner knows them.
ShadowPrices = Callable[[ServiceTable, Ints], Floats]


class Simulator:
    """Simulates pools of one service table on the same streams of queries.

    `shadow_prices` are what the policy `shadow` goes by.
    With `workers` it does so in that many threads, and the thread that waits for them can be interrupted,
    which compiled code cannot; with none it does so in the thread of the caller. An `executor` takes their place.
    """

    def __init__(
        self,
        table: ServiceTable,
        streams: Sequence[Stream],
        workers: int = 0,
        shadow_prices: ShadowPrices | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.table = table
        self.streams = tuple(streams)
        self._shadow_prices = shadow_prices
        self._known: dict[bytes, Service] = {}
        self._quantile_ms = np.ascontiguousarray(table.quantile_ms)
        self._executor = executor or (ThreadPoolExecutor(workers) if workers else None)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to simulate a stream that it is given."""
        return {**self.__dict__, "streams": (), "_executor": None}

    def keeps_target(self, counts: Ints, policy: str, option: float, rate_qps: float, *, quick: bool = False) -> bool:
        """Tell whether enough queries are on time at a rate; `quick` looks at the first replication only."""
        streams = self.streams[:1] if quick else self.streams
        counted = sum(len(stream.size) - _warm_up(stream) for stream in streams)
        most_late = int(self.table.qos.late_share * counted + 1e-9)
        # The first replication alone shows a hopeless rate, and where none wait for each other so do the first few.
        parts = [streams[:1], streams[1:]] if self._executor else [(each,) for each in streams]
        for part in parts:
            most_late -= sum(self._late_each(part, counts, policy, option, rate_qps, most_late))
            if most_late < 0:
                return False
        return True

    def late_share(self, counts: Ints, policy: str, option: float, rate_qps: float) -> Floats:
        """Return the late share of each replication (R,)."""
        late = list(self._late_each(self.streams, counts, policy, option, rate_qps, len(self.streams[0].size)))
        counted = np.array([len(stream.size) - _warm_up(stream) for stream in self.streams])
        return np.asarray(np.array(late) / counted)

    def _late_each(
        self, streams: Sequence[Stream], counts: Ints, policy: str, option: float, rate_qps: float, most_late: int
    ) -> Iterator[int]:
        """Return the number of late queries of each stream."""
        known = self._service(counts)
        return self._each(lambda each: self._run(each, counts, known, policy, option, rate_qps, most_late)[0], streams)

    def _each(self, do: Callable[[Stream], Result], streams: Sequence[Stream]) -> Iterator[Result]:
        """Return what is done with each stream, side by side where there are workers."""
        return map(do, streams) if self._executor is None else self._executor.map(do, streams)

    def observe(self, counts: Ints, policy: str, option: float, rate_qps: float) -> Run:
        """Return everything that happened at a rate."""
        known = self._service(counts)
        return _joined(
            list(self._each(lambda each: self._observe(each, counts, known, policy, option, rate_qps), self.streams))
        )

    def _service(self, counts: Ints) -> Service:
        """Return what policies know of a pool; shadow prices take a linear program, so they are kept."""
        key = counts.tobytes()
        if key not in self._known:
            price = self._shadow_prices(self.table, counts) if self._shadow_prices else None
            self._known[key] = service(self.table, counts, price)
        return self._known[key]

    def _run(
        self,
        stream: Stream,
        counts: Ints,
        known: Service,
        policy: str,
        option: float,
        rate_qps: float,
        most_late: int,
    ) -> tuple[int, Queries, Record]:
        number = len(stream.size)
        queries = Queries(stream.arrival * (1000 / rate_qps), stream.size, stream.step, stream.fraction)
        record = Record(np.empty(number), np.empty(number), np.empty(number, np.int64))
        late = run(
            list(NAMES).index(policy),
            np.array([option]),
            known,
            self._quantile_ms,
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            queries,
            record,
            _warm_up(stream),
            most_late,
        )
        return late, queries, record

    def _observe(
        self, stream: Stream, counts: Ints, known: Service, policy: str, option: float, rate_qps: float
    ) -> Run:
        everything = len(stream.size)
        _, queries, record = self._run(stream, counts, known, policy, option, rate_qps, most_late=everything)
        served_type = np.repeat(np.arange(len(counts), dtype=np.int64), counts)[record.served_by]
        service_ms = record.finished_ms - record.started_ms
        kept = slice(_warm_up(stream), None)
        return Run(
            (record.finished_ms - queries.arrival_ms)[kept],
            (record.started_ms - queries.arrival_ms)[kept],
            stream.size[kept],
            served_type[kept],
            np.asarray(np.bincount(served_type, weights=service_ms, minlength=len(counts)), dtype=np.float64),
            float(record.finished_ms.max() - queries.arrival_ms[0]),
        )


def _warm_up(stream: Stream) -> int:
    return int(len(stream.size) * WARM_UP)


def _joined(runs: Sequence[Run]) -> Run:
    return Run(
        np.concatenate([run.latency_ms for run in runs]),
        np.concatenate([run.waited_ms for run in runs]),
        np.concatenate([run.size for run in runs]),
        np.concatenate([run.type for run in runs]),
        np.sum([run.busy_ms for run in runs], axis=0),
        sum(run.span_ms for run in runs),
    )

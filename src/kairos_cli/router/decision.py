"""The one place where the router asks a policy: arrays in, assignments out.

The kernels are those of `policies`, compiled once more behind one entry that is kept on disk, so that a router
starts as fast as a simulation does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from kairos_cli.policies import NAMES
from kairos_cli.policies.compiled import kernel
from kairos_cli.policies.dispatch import CLOCKWORK, GREEDY, INSTANCE_AWARE, LEAST_LOADED, assign, most_pieces
from kairos_cli.policies.own_queue import deadline_ms, in_batches_ms, may_grow
from kairos_cli.policies.state import Ints, PoolState, Service, Waiting
from kairos_cli.router.work import Batch

#: These give one query to an instance at each call, busy or not.
_ONE_A_CALL = (CLOCKWORK, GREEDY, LEAST_LOADED, INSTANCE_AWARE)
#: Never, as a time that kernels read and write.
_NEVER_MS = 1e300


#: Where the fields of the line end, and those of the pool after them.
_LINE = len(Waiting._fields)
_POOL = _LINE + len(PoolState._fields)


@kernel
def _assign(policy: int, now_ms: float, options: Any, chosen: Any, *fields: Any) -> int:
    """Ask a policy from outside of compiled code, with arrays: taking tuples apart costs more than most kernels."""
    waiting, pool = Waiting(*fields[:_LINE]), PoolState(*fields[_LINE:_POOL])
    return assign(policy, now_ms, waiting, pool, Service(*fields[_POOL:]), options, chosen)


@kernel
def _next_batch(kind: int, rows: Any, arrival_ms: Any, now_ms: float, options: Any, *fields: Any) -> int:
    """Return how many pieces of a queue are served next in one batch, as the simulator has it."""
    service = Service(*fields)
    together = rows[0]
    until_ms = deadline_ms(kind, rows[0], arrival_ms[0], now_ms, service)
    for place in range(1, len(rows)):
        until_ms = min(until_ms, deadline_ms(kind, rows[place], arrival_ms[place], now_ms, service))
        together += rows[place] + 1
        if not may_grow(kind, together, until_ms, now_ms, service, options):
            return place
    return len(rows)


@kernel
def _queue_ms(kind: int, units: int, *fields: Any) -> float:
    """Return how long so many units take in batches."""
    return in_batches_ms(kind, units, Service(*fields))


class Assignment(NamedTuple):
    """So much of the piece at a place of the line goes to the instance at a place of the pool; `size` is a row."""

    place: int
    instance: int
    size: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What a policy answered: assignments, and the time at which it wants to be asked again (infinity: at no time)."""

    assignments: list[Assignment]
    wake_ms: float


class Decision:
    """One policy with its option, ready to be asked."""

    def __init__(self, policy: str, option: Sequence[float] = (0.0,)) -> None:
        self.policy = policy
        self._number = list(NAMES).index(policy)
        self._options = np.array(option, dtype=np.float64)
        self._chosen = np.empty((0, 3), np.int64)
        self._room_for: tuple[int, Service] | None = None

    @property
    def one_a_call(self) -> bool:
        """Whether the policy has to be asked again after each assignment."""
        return self._number in _ONE_A_CALL

    def ask(self, now_ms: float, waiting: Waiting, pool: PoolState, service: Service) -> Decided:
        """Return what goes where now; there must be a query and an instance."""
        self._make_room(len(pool.type), service)
        pool.wake_ms[0] = _NEVER_MS
        count = _assign(self._number, now_ms, self._options, self._chosen, *waiting, *pool, *service)
        wake_ms = float(pool.wake_ms[0])
        rows = self._chosen[:count].tolist()
        return Decided([Assignment(*row) for row in rows], wake_ms if wake_ms < _NEVER_MS else math.inf)

    def _make_room(self, instances: int, service: Service) -> None:
        """Have as many rows as an answer may have."""
        if self._room_for is None or self._room_for[0] != instances or self._room_for[1] is not service:
            self._chosen = np.empty((most_pieces(instances, service), 3), np.int64)
            self._room_for = instances, service

    def next_batch(self, kind: int, line: Sequence[Batch], now_ms: float, service: Service) -> int:
        """Return how many of the batches that wait at an instance of a type it serves next, as one."""
        if not service.merge:
            return 1
        rows = np.array([each.size for each in line], dtype=np.int64)
        arrival_ms = np.array([each.pieces[0].query.arrival_ms for each in line])
        return int(_next_batch(kind, rows, arrival_ms, now_ms, self._options, *service))

    def line_ms(self, kind: int, line: Sequence[Batch], service: Service) -> float:
        """Return how long the batches that wait at an instance of a type take, by mean latencies."""
        if not service.merge:
            return float(sum(service.mean_ms[kind, each.size] for each in line))
        return float(_queue_ms(kind, sum(each.size + 1 for each in line), *service))

    def warm_up(self, counts: Ints, service: Service) -> None:
        """Ask about one query and a pool (J,) of idle instances, which loads the compiled code, or compiles it."""
        kind = np.repeat(np.arange(len(counts)), counts)
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        none = np.zeros(len(kind), np.int64)
        pool = PoolState(kind, np.zeros(len(kind)), none, none, first, np.full(1, _NEVER_MS))
        self.ask(0.0, Waiting(np.zeros(1, np.int64), np.zeros(1)), pool, service)

"""The one place where the router asks a policy: arrays in, assignments out.

The kernels are those of `policies`, compiled once more behind one entry that is kept on disk, so that a router
starts as fast as a simulation does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from kairos_cli.policies import NAMES
from kairos_cli.policies.compiled import kernel
from kairos_cli.policies.dispatch import CLOCKWORK, GREEDY, INSTANCE_AWARE, LEAST_LOADED, assign
from kairos_cli.policies.state import Ints, PoolState, Service, Waiting

#: These give one query to an instance at each call, busy or not.
_ONE_A_CALL = (CLOCKWORK, GREEDY, LEAST_LOADED, INSTANCE_AWARE)


#: Where the fields of the line end, and those of the pool after them.
_LINE = len(Waiting._fields)
_POOL = _LINE + len(PoolState._fields)


@kernel
def _assign(policy: int, now_ms: float, options: Any, chosen: Any, *fields: Any) -> int:
    """Ask a policy from outside of compiled code, with arrays: taking tuples apart costs more than most kernels."""
    waiting, pool = Waiting(*fields[:_LINE]), PoolState(*fields[_LINE:_POOL])
    return assign(policy, now_ms, waiting, pool, Service(*fields[_POOL:]), options, chosen)


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

    def __init__(self, policy: str, option: float = 0.0) -> None:
        self.policy = policy
        self._number = list(NAMES).index(policy)
        self._options = np.array([option])
        self._chosen = np.empty((64, 2), np.int64)

    @property
    def one_a_call(self) -> bool:
        """Whether the policy has to be asked again after each assignment."""
        return self._number in _ONE_A_CALL

    def ask(self, now_ms: float, waiting: Waiting, pool: PoolState, service: Service) -> Decided:
        """Return what goes where now; there must be a query and an instance."""
        room = len(pool.type) + 1
        if len(self._chosen) < room:
            self._chosen = np.empty((2 * room, 2), np.int64)
        count = _assign(self._number, now_ms, self._options, self._chosen, *waiting, *pool, *service)
        rows = self._chosen[:count].tolist()
        return Decided([Assignment(place, instance, int(waiting.size[place])) for place, instance in rows], math.inf)

    def warm_up(self, counts: Ints, service: Service) -> None:
        """Ask about one query and a pool (J,) of idle instances, which loads the compiled code, or compiles it."""
        kind = np.repeat(np.arange(len(counts)), counts)
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        pool = PoolState(kind, np.zeros(len(kind)), np.zeros(len(kind), np.int64), first)
        self.ask(0.0, Waiting(np.zeros(1, np.int64), np.zeros(1)), pool, service)

"""The published policy, transcribed straight from design 3.5: every assignment is tried."""

from __future__ import annotations

import functools
import itertools

import numpy as np
from numpy.typing import NDArray

from kairos_cli.policies.state import Ints, PoolState, Service, Waiting

Answer = frozenset[tuple[int, int]]


def published_cost(now_ms: float, waiting: Waiting, pool: PoolState, service: Service) -> NDArray[np.float64]:
    """Return the cost of each pair: all instances, and not more queries than twice as many."""
    number = min(len(waiting.size), 2 * len(pool.type))
    size, waited_ms = waiting.size[:number], now_ms - waiting.arrival_ms[:number]
    till_free_ms = np.where(pool.outstanding == 0, 0.0, np.maximum(pool.free_at_ms - now_ms, 0.0))
    left_ms = till_free_ms[None, :] + service.mean_ms[pool.type[None, :], size[:, None]]
    slack_ms = (service.target_ms - waited_ms)[:, None]
    coefficient = service.mean_ms[service.base, -1] / service.mean_ms[pool.type, -1]
    late = (slack_ms > 0) & (left_ms > slack_ms)
    nearly = (slack_ms > 0) & (left_ms > slack_ms - 0.02 * service.target_ms) & ~late
    penalty = np.where(late, 1000, np.where(nearly, 500, 0)) * service.target_ms / 350
    return np.asarray(coefficient * left_ms + penalty)


@functools.cache
def assignments(number: int, machines: int) -> tuple[Ints, Ints]:
    """Return all ways to give each query an instance of its own, or each instance a query, as (ways, pairs) each."""
    if number <= machines:
        instance = np.array(list(itertools.permutations(range(machines), number)))
        return np.broadcast_to(np.arange(number), instance.shape), instance
    query = np.array(list(itertools.permutations(range(number), machines)))
    return query, np.broadcast_to(np.arange(machines), query.shape)


def published_answers(now_ms: float, waiting: Waiting, pool: PoolState, service: Service) -> set[Answer]:
    """Return what is dispatched under each least-cost assignment; equal ones are equally good."""
    cost = published_cost(now_ms, waiting, pool, service)
    query, instance = assignments(*cost.shape)
    total = cost[query, instance].sum(axis=1)
    best = np.flatnonzero(total <= total.min() * (1 + 1e-12) + 1e-9)
    idle = pool.outstanding == 0
    return {
        frozenset((int(q), int(i)) for q, i in zip(query[way], instance[way], strict=True) if idle[i]) for way in best
    }

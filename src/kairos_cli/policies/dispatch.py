"""One compiled entry to all policies, by number: numba cannot keep functions passed as arguments on disk."""

from __future__ import annotations

from typing import Any

from kairos_cli.policies import clockwork, deeprecsys, fcfs, greedy, instance_aware, kairos, least_loaded, shadow
from kairos_cli.policies.compiled import inlined, kernel

#: A batch is made up of so many pieces at most.
MOST_IN_BATCH = 256

FCFS, DEEPRECSYS, CLOCKWORK, GREEDY, LEAST_LOADED, INSTANCE_AWARE, KAIROS, SHADOW = range(8)


@inlined
def assign(policy: int, now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any) -> int:
    """Ask the policy of that number."""
    if policy == FCFS:
        return fcfs.assign(now_ms, waiting, pool, service, options, chosen)
    if policy == DEEPRECSYS:
        return deeprecsys.assign(now_ms, waiting, pool, service, options, chosen)
    if policy == CLOCKWORK:
        return clockwork.assign(now_ms, waiting, pool, service, options, chosen)
    if policy == GREEDY:
        return greedy.assign(now_ms, waiting, pool, service, options, chosen)
    if policy == LEAST_LOADED:
        return least_loaded.assign(now_ms, waiting, pool, service, options, chosen)
    if policy == INSTANCE_AWARE:
        return instance_aware.assign(now_ms, waiting, pool, service, options, chosen)
    if policy == KAIROS:
        return kairos.assign(now_ms, waiting, pool, service, options, chosen)
    return shadow.assign(now_ms, waiting, pool, service, options, chosen)


@kernel
def most_pieces(instances: int, service: Any) -> int:
    """Return how many rows an answer may have: a piece for each instance, or as many as its batch may be made of."""
    return instances * min(service.largest.max(), MOST_IN_BATCH) + 1 if service.merge else instances + 1

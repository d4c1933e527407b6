"""First come, first served: what Ribbon does (SC 2021).

An idle instance takes the query that has waited longest, whatever its size. Of several idle instances,
the one of the type that stands first in the model profile. It needs no latency profile, and sends large
queries to machines that are too slow for them.

Where queries may be merged, an instance takes along the ones that follow, as long as the batch takes no more of
the target than a limit on average; and it waits a little for more to come, as Triton's dynamic batcher
does with its maximum size and its queue delay. A query that is beyond the limit alone is left to faster machines,
as a server does that is set to a maximum size. So the rival is stronger than one that only merges.

Options, only where queries may be merged: `options[0]`, the limit on a batch, in targets; `options[1]`, the delay
window in ms. Both are tuned to their best for every pool (simulate.tuning).

Example: g4dn.xlarge and r5n.large idle, queries of 900 and 20 items waiting in this order: the 900 go to
g4dn.xlarge, the 20 to r5n.large; had they come the other way round, the 900 would be late on r5n.large.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kairos_cli.policies.compiled import inlined, kernel


@inlined
def assign(now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any) -> int:
    """Give the earliest queries to the first idle instances."""
    if service.merge:
        return _merged(now_ms, waiting, pool, service, options, chosen)
    count = 0
    for instance in range(len(pool.type)):
        if pool.outstanding[instance] == 0:
            chosen[count, 0] = count
            chosen[count, 1] = instance
            chosen[count, 2] = min(waiting.size[count], service.largest[pool.type[instance]] - 1)
            count += 1
            if count == len(waiting.size):
                break
    return count


@kernel
def _merged(now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any) -> int:
    """Give each idle instance the earliest queries that fit into a batch, if its delay window is over."""
    taken = np.zeros(len(waiting.size), np.bool_)
    left = len(waiting.size)
    count = 0
    for instance in range(len(pool.type)):
        if pool.outstanding[instance] > 0 or left == 0:
            continue
        kind = pool.type[instance]
        begun = count
        rows = -1
        full = False
        for query in range(len(waiting.size)):
            if taken[query]:
                continue
            size = min(waiting.size[query], service.largest[kind] - 1)
            if rows < 0:
                fits = _fits(kind, size, service, options)
            else:
                fits = rows + size + 1 < service.largest[kind] and _fits(kind, rows + size + 1, service, options)
                full = full or not fits
            if count == len(chosen):
                break
            if fits:
                taken[query] = True
                left -= 1
                rows += size + 1
                chosen[count, 0], chosen[count, 1], chosen[count, 2] = query, instance, size
                count += 1
        if begun == count:
            continue
        until_ms = waiting.arrival_ms[chosen[begun, 0]] + options[1]
        if not full and now_ms < until_ms:
            pool.wake_ms[0] = min(pool.wake_ms[0], until_ms)
            count = begun
    return count


@inlined
def _fits(kind: int, rows: int, service: Any, options: Any) -> bool:
    """Tell whether a batch keeps to the limit, or could not be served faster elsewhere in the pool."""
    mean_ms = service.mean_ms[kind, rows]
    return bool(mean_ms <= options[0] * service.target_ms or mean_ms <= service.fastest_ms[rows])

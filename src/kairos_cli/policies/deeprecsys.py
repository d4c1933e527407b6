"""DeepRecSys (ISCA 2020): large queries to the base type, small ones to the others.

A query over the threshold waits for an instance of the base type, any other for an instance of an
auxiliary type; each of the two queues is first come, first served. A pool of one kind only serves all.

Where queries may be split, a small one is served in parts alike in size, each by one instance and so that it
takes no longer there than a limit; that is the batch size that DeepRecSys tunes. Parts are given out one by one.

Options: `options[0]`, the threshold as a row of the table of batch sizes: sizes beyond that row are
large; `options[1]`, how long a part may take on average, in targets. Both are tuned to their best for every
pool (simulate.tuning).

Example: threshold 400, base g4dn.xlarge idle, all r5n.large busy, a query of 100 items waits: it goes on
waiting, although g4dn.xlarge could serve it. That is what the later schemes mend.
"""

from __future__ import annotations

from typing import Any

from kairos_cli.policies.compiled import inlined
from kairos_cli.policies.parts import ask_again


@inlined
def assign(now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any) -> int:
    """Give each idle instance the earliest query of its own kind."""
    threshold = options[0]
    instances = len(pool.type)
    base_count = pool.first[service.base + 1] - pool.first[service.base]
    one_kind = base_count in (0, instances)
    next_large = 0
    next_small = 0
    given = 0  # units of the next small query that are given out already
    count = 0
    for instance in range(instances):
        if pool.outstanding[instance] > 0:
            continue
        kind = pool.type[instance]
        is_base = kind == service.base
        query = next_large if is_base or one_kind else next_small
        while query < len(waiting.size) and not one_kind and (waiting.size[query] > threshold) != is_base:
            query += 1
        left = 0
        in_parts = service.split and (one_kind or not is_base)
        if query < len(waiting.size):
            left = waiting.size[query] + 1 - (given if in_parts else 0)
            units = _part(left, kind, service, options[1] if in_parts else 1e300)
            chosen[count, 0] = query
            chosen[count, 1] = instance
            chosen[count, 2] = units - 1
            count += 1
            left -= units
            if in_parts:
                given = waiting.size[query] + 1 - left if left > 0 else 0
            else:
                ask_again(left, now_ms, pool)
        following = query if in_parts and left > 0 else query + 1
        if is_base or one_kind:
            next_large = following
        else:
            next_small = following
    return count


@inlined
def _part(units: int, kind: int, service: Any, most_targets: float) -> int:
    """Return the units of the next part of a query of which so many are left: all parts alike in size."""
    most = min(units, service.largest[kind])
    while most > 1 and service.mean_ms[kind, most - 1] > most_targets * service.target_ms:
        most -= 1
    parts = (units + most - 1) // most
    return int((units + parts - 1) // parts)

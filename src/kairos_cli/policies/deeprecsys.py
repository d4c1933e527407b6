"""DeepRecSys (ISCA 2020): large queries to the base type, small ones to the others.

A query over the threshold waits for an instance of the base type, any other for an instance of an
auxiliary type; each of the two queues is first come, first served. A pool of one kind only serves all.

Options: `options[0]`, the threshold as a row of the table of batch sizes: sizes beyond that row are
large. It is tuned to its best for every pool (simulate.tuning).

Example: threshold 400, base g4dn.xlarge idle, all r5n.large busy, a query of 100 items waits: it goes on
waiting, although g4dn.xlarge could serve it. That is what the later schemes mend.
"""

from __future__ import annotations

from typing import Any

from kairos_cli.policies.compiled import inlined


@inlined
def assign(now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any) -> int:
    """Give each idle instance the earliest query of its own kind."""
    threshold = options[0]
    instances = len(pool.type)
    base_count = pool.first[service.base + 1] - pool.first[service.base]
    one_kind = base_count in (0, instances)
    next_large = 0
    next_small = 0
    count = 0
    for instance in range(instances):
        if pool.outstanding[instance] > 0:
            continue
        is_base = pool.type[instance] == service.base
        query = next_large if is_base or one_kind else next_small
        while query < len(waiting.size) and not one_kind and (waiting.size[query] > threshold) != is_base:
            query += 1
        if query < len(waiting.size):
            chosen[count, 0] = query
            chosen[count, 1] = instance
            count += 1
        if is_base or one_kind:
            next_large = query + 1
        else:
            next_small = query + 1
    return count

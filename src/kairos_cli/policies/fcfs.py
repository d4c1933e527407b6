"""First come, first served: what Ribbon does (SC 2021).

An idle instance takes the query that has waited longest, whatever its size. Of several idle instances,
the one of the type that stands first in the model profile. It needs no latency profile, and sends large
queries to machines that are too slow for them.

Options: none.

Example: g4dn.xlarge and r5n.large idle, queries of 900 and 20 items waiting in this order: the 900 go to
g4dn.xlarge, the 20 to r5n.large; had they come the other way round, the 900 would be late on r5n.large.
"""

from __future__ import annotations

from typing import Any

from kairos_cli.policies.compiled import inlined


@inlined
def assign(now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any) -> int:
    """Give the earliest queries to the first idle instances."""
    count = 0
    for instance in range(len(pool.type)):
        if pool.outstanding[instance] == 0:
            chosen[count, 0] = count
            chosen[count, 1] = instance
            count += 1
            if count == len(waiting.size):
                break
    return count

"""Earliest predicted finish, as Clockwork's scheduler does (OSDI 2020).

On arrival a query goes to the instance that is expected to finish it first, counting what that instance
has been given before; there it waits its turn. Nothing is moved later.

Options: none.

Example: g4dn.xlarge is expected to be free in 40 ms and would take 10 ms, r5n.large is idle and would
take 30 ms: the query goes to r5n.large (30 ms against 50 ms).
"""

from __future__ import annotations

from typing import Any

from kairos_cli.policies.compiled import inlined
from kairos_cli.policies.own_queue import more_ms
from kairos_cli.policies.parts import give_earliest


@inlined
def assign(now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any) -> int:
    """Give the earliest query to the instance that should finish it first."""
    best = 0
    best_ms = 1e300
    for instance in range(len(pool.type)):
        kind = pool.type[instance]
        finish_ms = max(now_ms, pool.free_at_ms[instance])
        finish_ms += more_ms(kind, pool.queued[instance], waiting.size[0], service)
        if finish_ms < best_ms:
            best, best_ms = instance, finish_ms
    return give_earliest(now_ms, best, waiting, pool, service, chosen)

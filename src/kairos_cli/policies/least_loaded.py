"""Fewest outstanding queries: the default of most load balancers.

On arrival a query goes to the instance that has the fewest queries, and waits there. It takes all
instances for equal and all queries for equal.

Options: none.

Example: g4dn.xlarge has two queries and r5n.large one: the next goes to r5n.large, even one of 1000
items that r5n.large cannot serve in time.
"""

from __future__ import annotations

from typing import Any

from kairos_cli.policies.compiled import inlined
from kairos_cli.policies.parts import give_earliest


@inlined
def assign(now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any) -> int:
    """Give the earliest query to the instance with the fewest; of equals, to the first."""
    best = 0
    for instance in range(1, len(pool.type)):
        if pool.outstanding[instance] < pool.outstanding[best]:
            best = instance
    return give_earliest(now_ms, best, waiting, pool, service, chosen)

"""No router: clients ask the servers in turn, as behind DNS, whatever these have to do, and queries wait there.

It keeps a count from query to query, which the policies do not: they see what waits and what is busy. So it is none of
them; `kairos rehearse` sets it beside them, on the wire and simulated as shards of one instance each.
"""

from __future__ import annotations

from typing import Any

ROUND_ROBIN = "round_robin"


def observed(simulation: Any, counts: Any, rate_qps: float) -> Any:
    """Return what happens on a pool (J,) at a rate, on the queries of another simulator."""
    from kairos_cli.simulate.shards import ShardedSimulator, in_turn
    from kairos_cli.simulate.tuning import options

    each_alone = ShardedSimulator(simulation.table, simulation.streams, in_turn(simulation.streams, int(counts.sum())))
    return each_alone.observe(counts, "fcfs", options("fcfs", simulation.table, counts)[0], rate_qps)

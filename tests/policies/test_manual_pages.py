"""The example at the end of each policy's manual page, acted out."""

from __future__ import annotations

import functools

import numpy as np

from kairos_cli.domain.service_table import ServiceTable, service_table
from kairos_cli.planner.candidates import candidates
from kairos_cli.planner.capacity import shadow_prices
from kairos_cli.policies.state import service
from tests.conftest import shipped_scenario
from tests.policies.states import IDLE, ask, instances, known, queries


@functools.cache
def rm2() -> ServiceTable:
    """Return the measured table of rm2 on g4dn.xlarge and r5n.large, for which the examples are told."""
    scenario = shipped_scenario("rm2", only=["g4dn.xlarge", "r5n.large"])
    table = service_table(scenario, candidates(scenario)[0])
    assert ("g4dn.xlarge", "r5n.large") == table.names
    return table


def row(items: int) -> int:
    """Return the row of a batch size."""
    return int(np.flatnonzero(rm2().batch_size == items)[0])


def test_fcfs() -> None:
    """The 900 go to g4dn.xlarge and the 20 to r5n.large; the other way round the 900 are late there."""
    pool = instances([IDLE], [IDLE])
    both = [(row(900), 9.0), (row(20), 8.0)]
    assert [(0, 0), (1, 1)] == ask("fcfs", queries(*both), pool, service(rm2()))
    small_first = queries((row(20), 9.0), (row(900), 8.0))
    assert [(0, 0), (1, 1)] == ask("fcfs", small_first, pool, service(rm2()))
    assert rm2().mean_ms[1, row(900)] > rm2().qos.latency_ms


def test_deeprecsys() -> None:
    """With threshold 400, a query of 100 goes on waiting while all r5n.large are busy and g4dn.xlarge is idle."""
    pool = instances([IDLE], [(1, 20.0), (1, 30.0)])
    assert [] == ask("deeprecsys", queries((row(100), 5.0)), pool, service(rm2()), row(400))
    assert [(0, 0)] == ask("deeprecsys", queries((row(410), 5.0)), pool, service(rm2()), row(400))


def test_clockwork() -> None:
    """The query goes to r5n.large: 30 ms against 40 + 10."""
    pool = instances([(1, 40.0)], [IDLE])
    assert [(0, 1)] == ask("clockwork", queries((0, 0.0)), pool, known([[10.0], [30.0]]))


def test_greedy() -> None:
    """100 items cost 11.9 on r5n.large and 13.2 on g4dn.xlarge; with 300 ms of work there, g4dn.xlarge serves."""
    facts = known([[25.0], [80.0]], prices=[0.526, 0.149], target_ms=350.0)
    assert [11.9, 13.2] == [round(80 * 0.149, 1), round(25 * 0.526, 1)]
    assert [(0, 1)] == ask("greedy", queries((0, 0.0)), instances([IDLE], [IDLE]), facts)
    assert [(0, 0)] == ask("greedy", queries((0, 0.0)), instances([IDLE], [(3, 300.0)]), facts)


def test_least_loaded() -> None:
    """r5n.large with one query gets the next, even of 1000 items, rather than g4dn.xlarge with two."""
    pool = instances([(2, 30.0)], [(1, 80.0)])
    assert [(0, 1)] == ask("least_loaded", queries((row(1000), 0.0)), pool, service(rm2()))
    assert rm2().mean_ms[1, row(1000)] > rm2().qos.latency_ms


def test_instance_aware() -> None:
    """At 240 and 100 queries/s, g4dn.xlarge with two queries stands behind r5n.large with none."""
    pool = instances([(2, 8.0)], [IDLE])
    facts = known([[4.0], [10.0]], rates_qps=[240.0, 100.0])
    assert [(0, 1)] == ask("instance_aware", queries((0, 0.0)), pool, facts)


def test_kairos() -> None:
    """g4dn.xlarge gets the 900, and the 100 wait 10 ms for r5n.large; first come, first served does the opposite."""
    pool = instances([IDLE], [(1, 10.0)])
    waiting = queries((row(100), 1.0), (row(900), 0.0))
    assert [(1, 0)] == ask("kairos", waiting, pool, service(rm2()))
    assert [(0, 0)] == ask("fcfs", waiting, pool, service(rm2()))


def test_shadow() -> None:
    """The 10 items wait 2 ms for r5n.large, 0.40 against 0.79; they would not wait 8 ms.

    Prices and times are those of mtwnd on two g4dn.xlarge and nine r5n.large.
    """
    scenario = shipped_scenario("mtwnd", only=["g4dn.xlarge", "r5n.large"])
    table = service_table(scenario, candidates(scenario)[0])
    counts, items = np.array([2, 9]), int(np.flatnonzero(table.batch_size == 10)[0])
    facts = service(table, counts, shadow_prices(table, counts))
    assert [3.6, 3.0] == [round(float(each), 1) for each in facts.mean_ms[:, items]]
    assert [0.22, 0.08] == [round(float(each), 2) for each in facts.time_price]
    assert [0.79, 0.40] == [round(each, 2) for each in (0.22 * 3.6, 0.08 * (2 + 3))]
    waiting = queries((items, 0.0))
    assert [] == ask("shadow", waiting, instances([IDLE], [(1, 2.0)]), facts)
    assert [(0, 0)] == ask("shadow", waiting, instances([IDLE], [(1, 8.0)]), facts)

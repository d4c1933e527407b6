"""What merging and splitting are worth in simulation, and what they cost: the second table of docs/batching.md.

For each model and setting the pool that serves most under `shadow`, found exactly; its share of capacity; how it
compares with the best pool one at a time, and with the best homogeneous pool in the same setting under whichever
rival serves it best. Then how much longer a simulation and a decision take. `--write` puts the table into the page.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from decision_cost import microseconds
from kairos_cli.domain.serving import ONE_AT_A_TIME, Serving
from kairos_cli.planner.capacity import CapacityProgram, shadow_prices
from kairos_cli.planner.comparison import Pools, SchemeResult, best_homogeneous, best_pool, pools
from kairos_cli.simulate.measure import Effort, measuring, simulator
from kairos_cli.simulate.tuning import options
from shared import MODELS, print_table, shipped

PAGE = Path(__file__).parent.parent / "docs" / "batching.md"
BEGIN, END = "<!-- simulated -->\n", "<!-- end of simulated -->"
SETTINGS = (ONE_AT_A_TIME, Serving(merge=True), Serving(split=True))
RIVALS = ("fcfs", "deeprecsys", "clockwork", "greedy", "least_loaded", "instance_aware")
EFFORT = Effort(workers=2)
#: How many wait, and how many instances are idle, where the cost of a decision is measured.
WAITING, IDLE = (4, 16, 64), 1
QUERIES, LOAD = 30_000, 0.85


def main() -> None:
    rows = [("model", "served", "best pool", "queries/s", "of capacity", "one at a time", "homogeneous", "ratio")]
    for model in MODELS:
        rows += _rows(model)
    if "--write" in sys.argv:
        _write(rows)
    print_table(rows)
    print_table([("merging over one at a time", "time to simulate", *(f"{each} waiting" for each in WAITING))])
    for model in MODELS:
        print_table([(model, *_slower(model))])


def _rows(model: str) -> list[tuple[str, ...]]:
    """Return the rows of one model, one for each setting."""
    alone: SchemeResult | None = None
    rows = []
    for serving in SETTINGS:
        among = _among(model, serving)
        found = _best(among, "shadow")
        alone = alone or found
        others = best_homogeneous(among, "", {policy: _measure(among, policy) for policy in RIVALS})
        assert found and alone and others
        rows.append(
            (
                model,
                str(serving),
                str(found.pool),
                f"{found.allowable_qps:,.0f}" if found.allowable_qps >= 1000 else f"{found.allowable_qps:.1f}",
                f"{found.allowable_qps / found.capacity_qps:.3f}",
                f"{found.allowable_qps / alone.allowable_qps:.2f} x",
                f"{others.pool} {others.allowable_qps:,.0f}",
                f"{found.allowable_qps / others.allowable_qps:.2f} x",
            )
        )
    return rows


def _among(model: str, serving: Serving) -> Pools:
    among = pools(replace(shipped(model), serving=serving))
    assert isinstance(among, Pools)
    return among


def _measure(among: Pools, policy: str):  # type: ignore[no-untyped-def]
    return measuring(policy, EFFORT, shadow_prices=shadow_prices)(among.table)


def _best(among: Pools, policy: str) -> SchemeResult | None:
    return best_pool(among, policy, policy, _measure(among, policy))


def _slower(model: str) -> list[str]:
    """Return how many times as long a simulation, and a decision of `shadow`, take where queries are merged."""
    both = [_among(model, serving) for serving in (Serving(merge=True), ONE_AT_A_TIME)]
    counts = both[1].counts[np.argmax(both[1].counts @ both[1].table.price_usd_per_hour)]
    merged, alone = ([microseconds(each.table, counts, IDLE, "shadow", n) for n in WAITING] for each in both)
    simulated = [_simulated_s(each, counts) for each in both]
    rate = QUERIES / simulated[0] / 1000
    ratios = [f"{slow / fast:.1f} x" for slow, fast in zip(merged, alone, strict=True)]
    return [f"{simulated[0] / simulated[1]:.1f} x, {rate:.0f} thousand queries/s", *ratios]


def _simulated_s(among: Pools, counts: np.ndarray) -> float:
    """Return the shortest of several times that one simulation takes, in s."""
    rate_qps = LOAD * float(_measured_rate(among, counts))
    simulation = simulator(among.table, Effort(QUERIES, 1), shadow_prices)
    option = options("shadow", among.table, counts)[0]
    times = []
    for _ in range(4):
        start = time.perf_counter()
        simulation.late_share(counts, "shadow", option, rate_qps)
        times.append(time.perf_counter() - start)
    return min(times)


def _measured_rate(among: Pools, counts: np.ndarray) -> float:
    """Return the allowable throughput of a pool."""
    found = _measure(among, "shadow")(counts, CapacityProgram(among.table).solve(counts).qps, 0.0)
    assert found is not None
    return float(found.qps)


def _write(rows: list[tuple[str, ...]]) -> None:
    """Put the table into the page, between its marks."""
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    table = "\n".join([head, "|---|---|---|---:|---:|---:|---|---:|", *body]) + "\n"
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    PAGE.write_text(before + BEGIN + table + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()

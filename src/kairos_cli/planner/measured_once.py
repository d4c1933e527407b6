"""Measuring for several plans of one scenario: what was measured for one is not measured again for another."""

from __future__ import annotations

from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.planner.choice import Measure, Measured
from kairos_cli.planner.plan import Measuring

#: The types of the table, the pool, its capacity, and the rate to beat.
_Question = tuple[tuple[str, ...], tuple[int, ...], float, float]


def measured_once(measuring: Measuring) -> Measuring:
    """Return a way of measuring that answers a question asked before from memory.

    All tables must be of one scenario. Then the answer depends on nothing but the question, the rate to
    beat included, and what is remembered is what would be measured again: plans come out the same in
    whatever order, and by however many threads, they are made.
    """
    known: dict[_Question, Measured | None] = {}

    def on(table: ServiceTable) -> Measure:
        measure = measuring(table)

        def once(counts: Counts, capacity_qps: float, better_than_qps: float) -> Measured | None:
            question = table.names, tuple(counts.tolist()), capacity_qps, better_than_qps
            if question not in known:
                known[question] = measure(counts, capacity_qps, better_than_qps)
            return known[question]

        return once

    return on

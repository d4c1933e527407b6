"""Cases of pools that merge queries into batches and split them into parts, at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.domain.serving import Serving
from kairos_cli.policies.state import service
from kairos_cli.simulate.simulator import Option
from kairos_cli.simulate.streams import stream
from tests.simulate.tables import Case, table

MERGING, SPLITTING, BOTH = Serving(merge=True), Serving(split=True), Serving(merge=True, split=True)
#: Batches have up to so many units, queries fewer.
UNITS, QUERY_UNITS = 10, 6
LEVEL = (0.0, 0.1, 0.5, 0.9, 1.0)


def in_batches(made: ServiceTable, serving: Serving, largest: list[int] | None = None) -> ServiceTable:
    """Return a table served in batches; `largest` says how many units a batch on each type may have."""
    return replace(made, serving=serving, batch_rows=None if largest is None else np.array(largest))


def drawn_batch_case(seed: int, serving: Serving, policy: str, queries: int = 150) -> Case:
    """Draw one to three types whose batches cost a start and a rate, with pools of up to four instances each.

    Queries have 1 to 6 units, batches up to 10; where queries are split, some types serve no more than a part of the
    larger ones at once.
    """
    draw = np.random.default_rng(seed)
    types = int(draw.integers(1, 4))
    start_ms, unit_ms = draw.uniform(1, 20, (types, 1)), draw.uniform(0.5, 8, (types, 1))
    mean_ms = np.sort((start_ms + unit_ms * np.arange(1, UNITS + 1)) * draw.uniform(0.9, 1.1, (types, UNITS)), axis=1)
    probability = np.zeros(UNITS)
    probability[:QUERY_UNITS] = draw.dirichlet(np.ones(QUERY_UNITS))
    prices = draw.uniform(0.1, 1, types).tolist()
    quantile_ms = mean_ms[..., None] * np.cumsum(draw.uniform(0.05, 0.5, (types, 1, 5)), axis=-1)
    made = table(quantile_ms, LEVEL, probability=probability.tolist(), prices=prices)
    largest = draw.integers(2 if serving.split else QUERY_UNITS, UNITS + 1, types).tolist()
    made = in_batches(made, serving, largest)
    counts = draw.integers(0, 5, types)
    counts[draw.integers(types)] += 1
    rate_qps = float(draw.uniform(0.4, 1.2) * (counts * service(made).rate_qps).sum() * (1.3 if serving.merge else 1))
    return Case(made, counts, _option(policy, draw), stream(made, queries, seed, 0), rate_qps)


def _option(policy: str, draw: np.random.Generator) -> Option:
    share = float(draw.choice([0.25, 0.5, 1.0]))
    if policy == "deeprecsys":
        return float(draw.integers(0, QUERY_UNITS)), share / 3
    if policy == "fcfs":
        return share, float(draw.choice([0.0, 3.0, 10.0]))
    return (share, 1.0) if policy in ("clockwork", "greedy") else (share, 0.0)

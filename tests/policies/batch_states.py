"""States with batches and parts, and the answers to them with their sizes in units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kairos_cli.domain.serving import Serving
from kairos_cli.policies import NAMES
from kairos_cli.policies.dispatch import most_pieces
from kairos_cli.policies.state import PoolState, Service, Waiting, service
from tests.policies.states import NOW_MS, asked, queries
from tests.simulate.batch_cases import in_batches
from tests.simulate.tables import fixed

#: Rows of (query, instance, units).
Pieces = list[tuple[int, int, int]]


def facts(
    mean_ms: Sequence[Sequence[float]],
    serving: Serving,
    *,
    largest: list[int] | None = None,
    target_ms: float = 100.0,
    shadow_price: Sequence[float] | None = None,
    counts: Sequence[int] | None = None,
) -> Service:
    """Return what policies know of types that always take their mean; shadow prices in queries/s an instance."""
    made = in_batches(fixed(mean_ms, target_ms=target_ms), serving, largest)
    present = np.ones(len(mean_ms), dtype=np.int64) if counts is None else np.array(counts)
    return service(made, present, None if shadow_price is None else np.array(shadow_price))


def of_units(*units_and_waited_ms: tuple[int, float]) -> Waiting:
    """Return waiting queries from their units and how long each has waited."""
    return queries(*((units - 1, waited_ms) for units, waited_ms in units_and_waited_ms))


def pieces(
    policy: str, waiting: Waiting, pool: PoolState, known: Service, *option: float
) -> tuple[Pieces, float | None]:
    """Return what a policy answers, and in how many ms it wants to be asked again."""
    chosen = np.full((most_pieces(len(pool.type), known), 3), -1)
    pool.wake_ms[0] = 1e300
    options = np.array(option or (0.0, 0.0))
    count = asked(list(NAMES).index(policy), NOW_MS, waiting, pool, known, options, chosen)
    woken_ms = None if pool.wake_ms[0] == 1e300 else float(pool.wake_ms[0]) - NOW_MS
    return [(int(query), int(instance), int(row) + 1) for query, instance, row in chosen[:count]], woken_ms

"""States made by hand, and one compiled way to put them before any policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kairos_cli.policies import NAMES
from kairos_cli.policies.compiled import kernel
from kairos_cli.policies.dispatch import assign
from kairos_cli.policies.state import PoolState, Service, Waiting

#: The clock of every state: not 0, so that a time taken for a duration shows.
NOW_MS = 5000.0

Pairs = list[tuple[int, int]]


@kernel
def asked(policy: int, now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any) -> int:
    """Ask as the engine does: through the number of the policy."""
    return assign(policy, now_ms, waiting, pool, service, options, chosen)


def ask(policy: str, waiting: Waiting, pool: PoolState, service: Service, option: float = 0.0) -> Pairs:
    """Return the pairs of query and instance that a policy answers, in its order."""
    chosen = np.full((len(pool.type) + 1, 3), -1)
    count = asked(list(NAMES).index(policy), NOW_MS, waiting, pool, service, np.array([option]), chosen)
    return [(int(query), int(instance)) for query, instance, _ in chosen[:count]]


def queries(*size_and_waited_ms: tuple[int, float]) -> Waiting:
    """Return waiting queries from rows of batch sizes and how long each has waited."""
    size = np.array([size for size, _ in size_and_waited_ms], dtype=np.int64)
    return Waiting(size, NOW_MS - np.array([waited for _, waited in size_and_waited_ms]))


def instances(*by_type: Sequence[tuple[int, float]]) -> PoolState:
    """Return a pool from each type's instances: how many queries each has, and the time until it is free."""
    each = [one for of_type in by_type for one in of_type]
    counts = [len(of_type) for of_type in by_type]
    return PoolState(
        np.repeat(np.arange(len(by_type)), counts),
        NOW_MS + np.array([free_in_ms for _, free_in_ms in each]),
        np.array([outstanding for outstanding, _ in each], dtype=np.int64),
        np.zeros(len(each), dtype=np.int64),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.full(1, 1e300),
    )


def known(
    mean_ms: Sequence[Sequence[float]],
    *,
    target_ms: float = 350.0,
    prices: Sequence[float] | None = None,
    rates_qps: Sequence[float] | None = None,
    base: int = 0,
    time_price: Sequence[float] | None = None,
    quantile_ms: Sequence[Sequence[Sequence[float]]] | None = None,
    level: Sequence[float] = (0.0, 1.0),
) -> Service:
    """Return what is known of types (J) by batch size (B); without quantiles they always take their mean."""
    mean = np.array(mean_ms, dtype=np.float64)
    time = np.array(time_price or np.ones(len(mean)), dtype=np.float64)
    quantile = np.stack([mean, mean], axis=-1) if quantile_ms is None else np.array(quantile_ms, dtype=np.float64)
    paid = time[:, None] * mean
    in_time = np.where(mean <= target_ms, paid, np.inf)
    in_time = np.where(np.isfinite(in_time).any(axis=0), in_time, paid)
    worth, late_worth = in_time.min(axis=0), paid.min(axis=0)
    return Service(
        mean,
        np.array(prices or np.ones(len(mean)), dtype=np.float64),
        np.array(rates_qps or 1000 / mean.mean(axis=1), dtype=np.float64),
        mean[base, -1] / mean[:, -1],
        base,
        target_ms,
        quantile,
        np.array(level, dtype=np.float64),
        time,
        worth,
        in_time.argmin(axis=0),
        late_worth,
        np.maximum(worth, 1e-9) ** -0.2,
        mean.min(axis=0),
        max(6.0, 1.5 * float((worth - late_worth).max())),
        False,
        False,
        np.full(len(mean), mean.shape[1]),
        np.full(len(mean), mean.shape[1] - 1),
        mean,
        mean,
        np.ones(mean.shape[1], dtype=np.int64),
    )


IDLE = (0, 0.0)


def drawn_state(
    seed: int, *, most_queries: int = 6, most_of_type: int = 3, overdue: bool = True
) -> tuple[Waiting, PoolState, Service]:
    """Draw a state of one to three types and four batch sizes in whole ms, so that ties happen.

    A busy instance may be overdue: it ought to be free already.
    """
    draw = np.random.default_rng(seed)
    types = int(draw.integers(1, 4))

    def instance() -> tuple[int, float]:
        outstanding = int(draw.integers(0, 3))
        return outstanding, float(draw.integers(-20 if overdue else 0, 60)) if outstanding else -float(draw.integers(9))

    pool = instances(*([instance() for _ in range(draw.integers(1, most_of_type + 1))] for _ in range(types)))
    number = int(draw.integers(1, most_queries + 1))
    waited_ms = np.sort(draw.integers(0, 130, number))[::-1]
    waiting = queries(*zip(draw.integers(0, 4, number).tolist(), waited_ms.tolist(), strict=True))
    mean_ms = np.sort(draw.integers(1, 40, (types, 4)), axis=1) * draw.integers(1, 4, (types, 1))
    prices, base = draw.integers(1, 9, types).tolist(), int(draw.integers(types))
    return waiting, pool, known(mean_ms.tolist(), target_ms=100.0, prices=prices, base=base)

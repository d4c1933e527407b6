"""Latencies learned from what servers take."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.router.learned import FEWEST, Learned
from tests.router.virtual_servers import poisson, rm2_table, virtual
from tests.router.virtual_time import run

GPU, CPU = "g4dn.xlarge", "r5n.large"
TABLE = rm2_table()
KIND = TABLE.names.index(CPU)


def drawn_ms(table: ServiceTable, kind: int, size: int, luck: float) -> float:
    """Return the latency of a batch at a quantile."""
    return float(np.interp(luck, table.level, table.quantile_ms[kind, size]))


def fed(learned: Learned, factor: float, number: int, outliers: float = 0.0, seed: int = 0) -> Learned:
    """Let it see so many batches of the mix on r5n.large, so many times as long as the profile has it."""
    rng = np.random.default_rng(seed)
    for size in rng.choice(len(TABLE.batch_size), number, p=TABLE.probability):
        ms = drawn_ms(TABLE, KIND, int(size), rng.uniform()) * factor
        learned.observe(KIND, int(size), ms * 1000 if rng.uniform() < outliers else ms)
    return learned


def test_a_right_profile_stays_to_the_bit() -> None:
    """What chance alone explains changes nothing: the very table of the plan stays in use."""
    assert TABLE is fed(Learned(TABLE), 1.0, 2000).table()


@pytest.mark.parametrize("factor", [1.5, 0.6])
def test_a_wrong_profile_is_mended(factor: float) -> None:
    """After 200 batches mean and quantiles are right to 3 %, for every size; other types are as they were."""
    table = fed(Learned(TABLE), factor, 200).table()
    ratio = table.mean_ms / TABLE.mean_ms
    others = [kind for kind in range(len(TABLE.names)) if kind != KIND]

    assert np.full(len(TABLE.batch_size), factor) == pytest.approx(ratio[KIND], rel=0.03)
    assert np.full(len(TABLE.batch_size), factor) == pytest.approx(
        table.quantile_ms[KIND, :, 10] / TABLE.quantile_ms[KIND, :, 10], rel=0.05
    )
    assert (ratio[others] == 1).all()


def test_outliers_move_nothing() -> None:
    """One batch in twenty that takes a thousand times as long leaves the median and the tail where they are."""
    assert TABLE is fed(Learned(TABLE), 1.0, 1000, outliers=0.05).table()


def test_a_band_of_sizes_is_learned_apart() -> None:
    """If only batches of 512 and more are slower, small ones keep their latency."""
    learned, rng = Learned(TABLE), np.random.default_rng(0)
    for _ in range(400):
        size = int(rng.integers(0, len(TABLE.batch_size)))
        slow = 2.0 if TABLE.batch_size[size] >= 512 else 1.0
        learned.observe(KIND, size, slow * drawn_ms(TABLE, KIND, size, rng.uniform()))
    ratio = learned.table().mean_ms[KIND] / TABLE.mean_ms[KIND]

    assert 1.0 == pytest.approx(ratio[TABLE.batch_size < 256].mean(), abs=0.25)
    assert ratio[TABLE.batch_size >= 512].min() > 1.7


def test_a_few_batches_say_nothing() -> None:
    """Under FEWEST measurements the profile stands."""
    assert TABLE is fed(Learned(TABLE), 3.0, FEWEST - 1).table()


def test_a_change_is_forgotten_when_it_is_over() -> None:
    """A type that was slow for a while and is as planned again gets its profile back."""
    learned = fed(fed(Learned(TABLE), 1.5, 300), 1.0, 600, seed=1)

    assert 1.0 == pytest.approx(learned.drift()[KIND].median)
    assert np.ones(len(TABLE.batch_size)) == pytest.approx(
        learned.table().mean_ms[KIND] / TABLE.mean_ms[KIND], rel=0.06
    )


def test_nonsense_of_a_server_is_bounded() -> None:
    """A server that answers in no time leaves finite, rising quantiles."""
    learned = Learned(TABLE)
    for _ in range(100):
        learned.observe(KIND, 3, 0.0)
    quantile_ms = learned.table().quantile_ms

    assert np.isfinite(quantile_ms).all()
    assert (np.diff(quantile_ms, axis=-1) >= 0).all()
    assert quantile_ms.min() > 0


@pytest.mark.parametrize("slow_type", [GPU, CPU])
def test_with_a_profile_wrong_by_half_the_router_recovers_within_500_queries(slow_type: str) -> None:
    """A type takes 1.5 times as long as planned: from its 500th query on 99 % are on time."""
    slow = TABLE.names.index(slow_type)
    scale = np.where(np.arange(len(TABLE.names)) == slow, 1.5, 1.0)
    planned = replace(
        TABLE, mean_ms=TABLE.mean_ms / scale[:, None], quantile_ms=TABLE.quantile_ms / scale[:, None, None]
    )

    async def main() -> float:
        servers = virtual({GPU: 2, CPU: 6}, table=planned, takes_ms=lambda i, b: float(TABLE.mean_ms[i.type, b.size]))

        async def learn() -> None:
            while True:
                await asyncio.sleep(1.0)
                await servers.distributor.relearn()

        learning = asyncio.create_task(learn())
        while servers.distributor.tally.types[slow].batches < 500:
            await poisson(servers, 55, 100, seed=servers.distributor.tally.arrived)
        results = await poisson(servers, 55, 2000, seed=1)
        learning.cancel()
        return sum(isinstance(each, float) and each <= 350 for each in results) / 2000

    assert run(main()) >= 0.99

"""A pool of servers that only take their time, for tests of the router without any network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kairos_cli.domain.service_table import ServiceTable, service_table
from kairos_cli.planner.candidates import usable_types
from kairos_cli.planner.capacity import shadow_prices
from kairos_cli.router.decision import Decision
from kairos_cli.router.distributor import Distributor
from kairos_cli.router.knowledge import Knowledge
from kairos_cli.router.members import Instance
from kairos_cli.router.rules import Rules
from kairos_cli.router.work import Batch
from tests.conftest import shipped_scenario


@dataclass(frozen=True)
class Served:
    """The answer to a piece: who served it, from which item on, and when that began."""

    by: str
    start: int
    items: int
    began_ms: float
    good: bool = True
    fault: bool = False


@dataclass
class VirtualServers:
    """Servers `name` of types of the table; `takes_ms` says what a batch takes, by the profile's mean otherwise.

    What `fails` returns for an instance and a batch is raised once its time is over.
    """

    table: ServiceTable
    distributor: Distributor = field(init=False)
    takes_ms: Callable[[Instance, Batch], float] | None = None
    fails: Callable[[Instance, Batch], Exception | None] = lambda instance, batch: None
    told: list[tuple[str, str]] = field(default_factory=list)
    sent: list[tuple[str, int]] = field(default_factory=list)

    async def send(self, instance: Instance, batch: Batch) -> Sequence[Served]:
        began_ms = asyncio.get_running_loop().time() * 1000
        items = sum(piece.items for piece in batch.pieces)
        self.sent.append((instance.name, items))
        ms = float(self.table.mean_ms[instance.type, batch.size])
        await asyncio.sleep((self.takes_ms(instance, batch) if self.takes_ms else ms) / 1000)
        error = self.fails(instance, batch)
        if error is not None:
            raise error
        return [Served(instance.name, each.start, each.items, began_ms) for each in batch.pieces]

    def hear(self, instance: Instance, error: Exception) -> None:
        self.told.append((instance.name, str(error)))


def rm2_table() -> ServiceTable:
    scenario = shipped_scenario("rm2")
    return service_table(scenario, usable_types(scenario))


def virtual(
    pool: Mapping[str, int],
    policy: str = "shadow",
    table: ServiceTable | None = None,
    rules: Rules | None = None,
    **ways: Any,
) -> VirtualServers:
    """Return a running distributor over emulated servers, named by type and number: `g4dn.xlarge/0`."""
    table = table or rm2_table()
    servers = VirtualServers(table, **ways)
    knowledge = Knowledge(table, shadow_prices)
    clock = asyncio.get_running_loop().time
    servers.distributor = Distributor(Decision(policy), knowledge, servers.send, rules or Rules(), servers.hear, clock)
    for name, count in pool.items():
        for number in range(count):
            servers.distributor.servers.add(Instance(f"{name}/{number}", table.names.index(name)))
    return servers


async def poisson(servers: VirtualServers, rate_qps: float, number: int, seed: int = 0) -> list[float | Exception]:
    """Send queries of the table's mix at random times; return the latency in ms of each, or why it has none."""
    rng = np.random.default_rng(seed)
    gaps_s = rng.exponential(1 / rate_qps, number)
    sizes = rng.choice(servers.table.batch_size, number, p=servers.table.probability)
    tasks = []
    for gap_s, size in zip(gaps_s.tolist(), sizes.tolist(), strict=True):
        await asyncio.sleep(gap_s)
        tasks.append(asyncio.create_task(latency_ms(servers.distributor, size)))
    return await asyncio.gather(*tasks)


async def latency_ms(distributor: Distributor, items: int) -> float | Exception:
    loop = asyncio.get_running_loop()
    arrived = loop.time()
    try:
        await distributor.serve(items, None)
    except Exception as error:
        return error
    return (loop.time() - arrived) * 1000

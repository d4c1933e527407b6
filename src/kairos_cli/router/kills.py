"""Servers of an emulated pool that die and come back, as real ones do."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from kairos_cli.router.emulated_server import EmulatedServer

#: A server is gone for so long, in shares of the time between two deaths.
_GONE_SHARE = 0.1
#: How long to wait for a port that something else has got meanwhile.
_PORT_S = 0.05


async def kill_in_turn(
    servers: Sequence[EmulatedServer], every_s: float, seed: int, told: Callable[[EmulatedServer], None]
) -> None:
    """Kill a server every so often, the first after half that time, and start it again a tenth of it later.

    All die once, in an order by chance, before one dies again. It ends by being cancelled.
    """
    order = np.random.default_rng(seed).permutation(len(servers))
    await asyncio.sleep(every_s / 2)
    for place in itertools.cycle(order.tolist()):
        told(servers[place])
        await servers[place].crash()
        await asyncio.sleep(every_s * _GONE_SHARE)
        await _start_again(servers[place])
        await asyncio.sleep(every_s * (1 - _GONE_SHARE))


async def _start_again(server: EmulatedServer) -> None:
    """Start a server on the port it had, as soon as that is free."""
    while True:
        try:
            return await server.start()
        except OSError:
            await asyncio.sleep(_PORT_S)

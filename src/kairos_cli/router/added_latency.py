"""What a router adds to a query: the same ones, one at a time, through it and directly to a server, in turns."""

from __future__ import annotations

from time import perf_counter

import aiohttp
import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.router.load_bodies import LoadBodies
from kairos_cli.router.load_client import Target, bodies_for

#: So many queries are sent first and not counted: connections are made, code is loaded.
_WARM_UP = 20
#: On a busy machine it ends after so many seconds with what it has.
_LONGEST_S = 4.0


async def in_turns(directly: Target, through: Target, batch_size: NDArray[np.int64]) -> Floats:
    """Return latencies (2, N) in ms, directly and through the router, of queries of these sizes, or the first of them.

    The servers should do nothing. Whatever else the machine is busy with, it is busy with it for both.
    """
    async with aiohttp.ClientSession() as session:
        bodies = await bodies_for(session, directly)
        for _ in range(_WARM_UP):
            for target in (directly, through):
                await _latency_ms(session, target, bodies, int(batch_size[0]))
        latency_ms, until_s = [], perf_counter() + _LONGEST_S
        for rows in batch_size.tolist():
            latency_ms.append([await _latency_ms(session, target, bodies, rows) for target in (directly, through)])
            if perf_counter() > until_s:
                break
    return np.array(latency_ms).T


async def _latency_ms(session: aiohttp.ClientSession, target: Target, bodies: LoadBodies, rows: int) -> float:
    body = bodies.request(0, 0, rows)
    begun_s = perf_counter()
    async with session.post(f"{target.model_url}/infer", data=body.content, headers=body.headers) as response:
        await response.read()
        response.raise_for_status()
    return (perf_counter() - begun_s) * 1000

"""The whole loop on one machine: an emulated pool, a router before it, a load, and servers that die.

Pool and load share a process and a clock, the router is a process of its own, as it will be: on two cores that keeps
its decisions out of the times that are measured, and the load out of its decisions.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from kairos_cli.cli.load_question import Question
from kairos_cli.cli.round_robin import ROUND_ROBIN
from kairos_cli.cli.router_process import router_process
from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.scenario import Scenario
from kairos_cli.router.added_latency import in_turns
from kairos_cli.router.emulated_pool import EmulatedPool, emulated_pool
from kairos_cli.router.kills import kill_in_turn
from kairos_cli.router.load_client import Outcomes, Target, offer

Result = TypeVar("Result")

#: Servers so many times as fast do nothing, as far as clocks can tell.
_NOTHING = 1e-6
#: So many queries tell what the router adds.
_TURNS = 500
#: Each server has a port and connections in one process.
MOST_INSTANCES = 200


@dataclass(frozen=True, slots=True)
class Setting:
    """What is rehearsed: a plan's pool and question, so many times as slow, and how often a server dies."""

    asked: Question
    scenario: Scenario
    pool: Pool
    plan_file: Path
    slow: float
    kill_every_s: float | None


async def to_the_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Return what the work returns; SIGTERM ends it as Ctrl-C does, so that no router is left behind."""
    ended, task = False, asyncio.ensure_future(work)

    def end() -> None:
        nonlocal ended
        ended = task.cancel()

    with suppress(NotImplementedError):  # on Windows, which has no such signal
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    try:
        return await task
    except asyncio.CancelledError:
        if ended:
            raise KeyboardInterrupt from None
        raise


async def live(setting: Setting, policy: str, told: Callable[[], None], died: Callable[[str], None]) -> Outcomes:
    """Return what became of the queries under a policy; `told` is called at each that ends, `died` at a death."""
    asked = setting.asked
    async with (
        emulated_pool(setting.scenario.model, setting.pool, asked.seed) as running,
        _before(setting, running, policy) as target,
        _dying(setting, running, died),
    ):
        return await offer(target, asked.arrival_s, asked.batch_size, told)


async def added_latency_ms(setting: Setting, policy: str) -> Floats:
    """Return the latencies (2, N) of queries directly and through the router, to servers that do nothing."""
    model, asked = setting.scenario.model, setting.asked
    async with (
        emulated_pool(model.slowed(_NOTHING), setting.pool, asked.seed) as running,
        _before(setting, running, policy) as through,
    ):
        directly = Target(running.servers[0].url, asked.model)
        return await in_turns(directly, through, np.resize(asked.batch_size, _TURNS))


@asynccontextmanager
async def _before(setting: Setting, running: EmulatedPool, policy: str) -> AsyncIterator[Target]:
    """Yield whom clients ask: a router, or all servers in turn."""
    if policy == ROUND_ROBIN:
        first, *others = (server.url for server in running.servers)
        yield Target(first, setting.asked.model, others=tuple(others))
        return
    async with router_process(setting.plan_file, running.backends, policy, setting.slow) as url:
        yield Target(url, setting.asked.model)


@asynccontextmanager
async def _dying(setting: Setting, running: EmulatedPool, died: Callable[[str], None]) -> AsyncIterator[None]:
    """Let servers die while the block runs, if they are to."""
    if setting.kill_every_s is None:
        yield
        return
    killing = asyncio.create_task(
        kill_in_turn(
            running.servers,
            setting.kill_every_s,
            setting.asked.seed,
            lambda server: died(f"{server.instance_type} at {server.url}"),
        )
    )
    try:
        yield
    finally:
        killing.cancel()
        with suppress(asyncio.CancelledError):
            await killing

"""A whole pool of emulated servers in one process: a port for each instance."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.prices import machine_of
from kairos_cli.errors import InputError
from kairos_cli.router.alarm import Alarm
from kairos_cli.router.emulated_server import EmulatedServer
from kairos_cli.router.service_draw import ServiceDraw


@dataclass(frozen=True, slots=True)
class EmulatedPool:
    """The servers of a pool that runs, in the order of its types, and the alarm by which they keep time."""

    servers: Sequence[EmulatedServer]
    alarm: Alarm

    @property
    def urls(self) -> dict[str, list[str]]:
        """Where the instances of each type listen."""
        urls: dict[str, list[str]] = {}
        for server in self.servers:
            urls.setdefault(server.instance_type, []).append(server.url)
        return urls

    @property
    def backends(self) -> str:
        """The flags that tell `kairos serve` of the pool."""
        return " ".join(f"--backend {name}={','.join(urls)}" for name, urls in self.urls.items())


@asynccontextmanager
async def emulated_pool(
    model: ModelProfile, pool: Pool, seed: int = 0, host: str = "127.0.0.1", port_from: int = 0
) -> AsyncIterator[EmulatedPool]:
    """Run a server for each instance, on ports from `port_from` on, or on any that are free where it is 0.

    Raises InputError where a port cannot be had.
    """
    types = [name for name, count in pool.counts for _ in range(count)]
    async with AsyncExitStack() as stack:
        alarm = await stack.enter_async_context(Alarm())
        servers = []
        for number, name in enumerate(types):
            draw = ServiceDraw(model.latency[machine_of(name)], seed, number, model.largest_batch)
            port = port_from + number if port_from else 0
            server = EmulatedServer(name, model.name, draw, alarm, host, port)
            await _start(server)
            stack.push_async_callback(server.stop)
            servers.append(server)
        yield EmulatedPool(servers, alarm)


async def _start(server: EmulatedServer) -> None:
    try:
        await server.start()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"cannot listen on {server.url}: {reason}"
        raise InputError.of(message, None, "choose other ports with --port-from, 0 for any that are free") from None

"""Servers that die and come back."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import aiohttp
import pytest

from kairos_cli.router.emulated_server import EmulatedServer
from kairos_cli.router.event_loop import run
from kairos_cli.router.kills import kill_in_turn
from tests.router.servers import constant_pool


async def ready(session: aiohttp.ClientSession, server: EmulatedServer) -> bool:
    """Tell whether a server answers."""
    with suppress(aiohttp.ClientError):
        async with session.get(f"{server.url}/v2/health/ready") as response:
            return response.status == 200
    return False


def test_all_die_once_before_one_dies_again_and_all_come_back() -> None:
    """Three servers, five deaths: the last two are those of the first two, and the ports stay the same."""

    async def main() -> tuple[list[int], list[int], list[bool], list[bool]]:
        async with constant_pool(1.0, 3) as pool, aiohttp.ClientSession() as session:
            ports, died, gone = [server.port for server in pool.servers], [], []

            def told(server: EmulatedServer) -> None:
                died.append(server.port)

            killing = asyncio.create_task(kill_in_turn(pool.servers, 0.2, 7, told))
            while len(died) < 5:
                await asyncio.sleep(0.005)
                if len(died) == 1 and not gone:
                    gone = [await ready(session, server) for server in pool.servers]
            await asyncio.sleep(0.1)
            killing.cancel()
            back = [await ready(session, server) for server in pool.servers]
            assert ports == [server.port for server in pool.servers]
            return ports, died, gone, back

    ports, died, gone, back = run(main())

    assert sorted(ports) == sorted(died[:3])
    assert died[:2] == died[3:]
    assert [port != died[0] for port in ports] == gone
    assert [True] * 3 == back


def test_a_server_waits_for_its_port() -> None:
    """Something else has got it meanwhile: it comes back once that is gone."""

    async def main() -> tuple[bool, bool]:
        async with constant_pool(1.0) as pool, aiohttp.ClientSession() as session:
            (server,) = pool.servers
            loop, thief = asyncio.get_running_loop(), socket.socket()
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

            def steal(server: EmulatedServer) -> None:
                loop.call_later(0.02, lambda: (thief.bind(("127.0.0.1", server.port)), thief.listen()))

            killing = asyncio.create_task(kill_in_turn([server], 1.0, 0, steal))
            await asyncio.sleep(0.75)
            while_taken = server._listener is not None
            thief.close()
            await asyncio.sleep(0.2)
            killing.cancel()
            return while_taken, await ready(session, server)

    assert (False, True) == run(main())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_order_is_of_the_seed(seed: int) -> None:
    """The same seed kills the same servers, place by place."""

    async def order() -> list[int]:
        async with constant_pool(1.0, 4) as pool:
            died: list[int] = []
            place = {server.port: number for number, server in enumerate(pool.servers)}
            killing = asyncio.create_task(
                kill_in_turn(pool.servers, 0.02, seed, lambda server: died.append(place[server.port]))
            )
            while len(died) < 4:
                await asyncio.sleep(0.005)
            killing.cancel()
            return died[:4]

    assert run(order()) == run(order())

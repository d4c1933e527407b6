"""Triton and KServe with one ONNX model behind one `kairos serve`: answers, spread, and what a crash loses.

    python check.py KAIROS

KAIROS is the command to run, installed with the extras serve and grpc. Ends with exit code 1 at the first thing that
is not as it should be.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from onnx import save

from make_model import model
from processes import Proxy, Server, kserve, triton
from queries import MODEL, Ask, Client

SIZES = (1, 2, 7, 64, 255, 1000)
QUERIES, AT_ONCE = 400, 8
#: The types of the plan that the servers stand in for.
TYPES = ("g4dn.xlarge", "r5n.large")


def main(kairos: str) -> None:
    """Run it all."""
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as servers:
        proxy = Proxy(kairos, dict(zip(TYPES, servers, strict=True)), Path(name))
        try:
            asyncio.run(checked(proxy, servers))
        finally:
            code = proxy.stop()
        expect(code == 0, f"kairos ended with {code}")
    print("all as it should be")


@contextmanager
def running(folder: Path) -> Iterator[list[Server]]:
    """Run both servers with the model."""
    save(model(), folder / "model.onnx")
    servers = [make(folder / "model.onnx", folder) for make in (triton, kserve)]
    try:
        for server in servers:
            begun = time.monotonic()
            server.start()
            print(f"{server.name} ready after {time.monotonic() - begun:.1f} s")
        yield servers
    finally:
        for server in servers:
            server.kill()


async def checked(proxy: Proxy, servers: list[Server]) -> None:
    """Compare answers, then crash each server in turn under load."""
    expected = await direct_answers(servers)
    async with Client(proxy.http_port, proxy.grpc_port) as through:
        await what_clients_ask_first(through)
        for way, ask in through.ways.items():
            for items in SIZES:
                expect(await ask(items) == expected[items], f"{way}: another answer for {items} items")
            print(f"{way}: the same bits as directly, for {', '.join(map(str, SIZES))} items")
        for way, ask in through.ways.items():
            await spread(way, ask, proxy, servers, expected)
        for server, way in zip(servers, ("HTTP, binary", "gRPC"), strict=True):
            await crash(server, way, through.ways[way], proxy, expected)


async def direct_answers(servers: list[Server]) -> dict[int, bytes]:
    """Return the scores for each number of items, which all servers must give on all ways alike."""
    found: dict[int, set[bytes]] = {items: set() for items in SIZES}
    for server in servers:
        async with Client(server.http_port, server.grpc_port) as client:
            for items in SIZES:
                found[items] |= {await ask(items) for ask in client.ways.values()}
    for items, answers in found.items():
        expect(len(answers) == 1, f"asked directly, the servers answer {items} items in {len(answers)} ways")
    return {items: answers.pop() for items, answers in found.items()}


async def what_clients_ask_first(through: Client) -> None:
    """Health and metadata over both protocols."""
    for client in (through.http, through.grpc):
        expect(await client.is_server_live() and await client.is_server_ready(), "not live or not ready")
        expect(await client.is_model_ready(MODEL), "the model is not ready")
    described = [
        await through.http.get_model_metadata(MODEL),
        await through.grpc.get_model_metadata(MODEL, as_json=True),
    ]
    for each in described:
        expect({"dense", "ids"} == {tensor["name"] for tensor in each["inputs"]}, f"described as {each}")
    print("health and metadata: answered over HTTP and gRPC")


async def spread(way: str, ask: Ask, proxy: Proxy, servers: list[Server], expected: dict[int, bytes]) -> None:
    """Expect that a load is spread over both servers, and every answer right."""
    before = served(proxy, servers)
    async with load(ask, expected) as done:
        pass
    expect(not done.wrong, f"{way}: {len(done.wrong)} of {QUERIES} not answered, or wrongly: {done.wrong[:1]}")
    each = [after - then for after, then in zip(served(proxy, servers), before, strict=True)]
    expect(min(each) > 0 and sum(each) == QUERIES, f"{way}: {each} of {QUERIES} queries")
    print(f"{way}: {', '.join(f'{n} by {server.name}' for n, server in zip(each, servers, strict=True))}")


async def crash(server: Server, way: str, ask: Ask, proxy: Proxy, expected: dict[int, bytes]) -> None:
    """Kill a server under load: nothing may be lost; started again, it must be used again."""
    async with load(ask, expected) as done:
        while done.asked < QUERIES // 4:
            await asyncio.sleep(0.001)
        await asyncio.to_thread(server.kill)
        expect(done.asked < QUERIES, f"{server.name} was killed when all was over")
    expect(not done.wrong, f"{way}: {len(done.wrong)} lost when {server.name} was killed: {done.wrong[:1]}")
    expect(proxy.status()[server.url]["state"] == "quarantined", f"{server.name} is dead and not taken out")
    await asyncio.to_thread(server.start)
    await asyncio.sleep(1.0)
    expect(proxy.status()[server.url]["state"] == "up", f"{server.name} is back and not used again")
    print(f"{way}: none of {QUERIES} queries lost when {server.name} was killed; back a second after its return")


@dataclass
class Done:
    """How many queries of a load were sent, and what went wrong with them."""

    asked: int = 0
    wrong: list[str] = field(default_factory=list)


@asynccontextmanager
async def load(ask: Ask, expected: dict[int, bytes]) -> AsyncIterator[Done]:
    """Send queries, so many at once, while the body runs and to the end."""
    done = Done()

    async def worker(number: int) -> None:
        for turn in range(QUERIES // AT_ONCE):
            items = SIZES[(number + turn) % len(SIZES)]
            done.asked += 1
            try:
                if await ask(items) != expected[items]:
                    done.wrong.append(f"another answer for {items} items")
            except Exception as error:
                done.wrong.append(f"{type(error).__name__}: {error}")

    async with asyncio.TaskGroup() as group:
        for number in range(AT_ONCE):
            group.create_task(worker(number))
        yield done


def served(proxy: Proxy, servers: list[Server]) -> list[int]:
    """Return how many queries each server has answered."""
    status = proxy.status()
    return [int(str(status[server.url]["served"])) for server in servers]


def expect(true: bool, otherwise: str) -> None:
    """End with exit code 1 where something is not as it should be."""
    if not true:
        raise SystemExit(f"NOT AS IT SHOULD BE: {otherwise}")


if __name__ == "__main__":
    main(sys.argv[1])

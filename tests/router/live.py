"""A router on real loopback ports, in front of servers that do as a test tells them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.planner.capacity import shadow_prices
from kairos_cli.router.batch_source import batch_source
from kairos_cli.router.http_router import Address, Router, Settings
from kairos_cli.router.journal import Journal
from tests.router.virtual_servers import rm2_table

GPU, CPU = "g4dn.xlarge", "r5n.large"
TOKEN = "a-token-of-the-tests"
Act = Callable[["Backend", web.Request], Awaitable[web.StreamResponse]]


def query(items: int, name: str = "x", **fields: Any) -> dict[str, Any]:
    """Return a request of so many items with one number each."""
    tensor = {"name": name, "shape": [items, 1], "datatype": "FP32", "data": [float(each) for each in range(items)]}
    return {**fields, "inputs": [tensor]}


@dataclass
class Backend:
    """A server of the protocol on a port of its own; `act` answers inference, by doubling the numbers if not told."""

    act: Act | None = None
    delay_s: float = 0.0
    ready: bool = True
    models: tuple[str, ...] = ("rm2",)
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_get("/v2/health/ready", self._ready)
        app.router.add_get("/v2", self._about)
        app.router.add_get("/v2/models/{model}", self._model)
        app.router.add_post("/v2/models/{model}/infer", self._infer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Go away at once, whatever is in hand."""
        if self._runner is not None:
            assert self._runner.server is not None
            for connection in list(self._runner.server.connections):
                if connection.transport is not None:
                    connection.transport.abort()
            await self._runner.cleanup()
            self._runner = None

    async def _ready(self, request: web.Request) -> web.Response:
        return web.Response(status=200 if self.ready else 503)

    async def _about(self, request: web.Request) -> web.Response:
        return web.json_response({"name": "backend", "version": "7", "extensions": ["binary_tensor_data"]})

    async def _model(self, request: web.Request) -> web.Response:
        if request.match_info["model"] not in self.models:
            return web.json_response({"error": "no such model"}, status=404)
        return web.json_response({"name": request.match_info["model"], "platform": "test"})

    async def _infer(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.seen.append((request.path_qs, dict(request.headers), await request.read()))
            if self.act is not None:
                return await self.act(self, request)
            await asyncio.sleep(self.delay_s)
            return doubled(self.seen[-1][2])
        finally:
            self.at_once -= 1


def doubled(content: bytes) -> web.Response:
    """Answer a JSON request with twice its numbers."""
    asked = json.loads(content)
    tensor = asked["inputs"][0]
    output = {**tensor, "name": "y", "data": [2 * each for each in tensor["data"]]}
    fields = {"id": asked["id"]} if "id" in asked else {}
    return web.json_response({**fields, "model_name": "rm2", "outputs": [output]})


@dataclass
class Live:
    """A running router, its servers, a client, and what the journal holds."""

    router: Router
    backends: list[Backend]
    client: aiohttp.ClientSession
    journal: list[dict[str, Any]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.router.port}"

    async def infer(self, items: int = 1, model: str = "rm2", **fields: Any) -> tuple[int, dict[str, Any]]:
        """Send one query; return the status and the JSON of its answer."""
        return await self.post(f"/v2/models/{model}/infer", json.dumps(query(items, **fields)).encode())

    async def post(self, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
        async with self.client.post(self.url + path, data=body, headers=headers) as response:
            return response.status, json.loads(await response.read())

    async def admin(self, method: str, path: str, token: str = TOKEN, **fields: Any) -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self.router.admin_port}{path}"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.client.request(method, url, json=fields or None, headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if "json" in response.content_type else text

    async def until(self, true: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait until something is true."""
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def live(*backends: tuple[str, Backend], **settings: Any) -> AsyncIterator[Live]:
    """Run servers of types with a router before them, and stop all of it at the end."""
    for _, backend in backends:
        await backend.start()
    table, journal = settings.pop("table", None) or rm2_table(), []
    given = {
        "model": ModelProfile("rm2", None, {}),
        "front": Address("127.0.0.1", 0),
        "admin": Address("127.0.0.1", 0),
        "token": TOKEN,
        "backends": [(type_name, backend.url) for type_name, backend in backends],
        "source": batch_source(None),
        "grace_s": 2.0,
        **settings,
    }
    router = Router(Settings(**given), table, shadow_prices, Journal(lambda line: journal.append(json.loads(line))))
    try:
        await router.start()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as client:
            yield Live(router, [backend for _, backend in backends], client, journal)
    finally:
        await router.stop()
        for _, backend in backends:
            await backend.stop()

"""Emulated pools whose latency is known, and servers that misbehave, on ports of the loopback interface."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import numpy as np
from aiohttp import web

from kairos_cli.domain.latency_profile import LatencyProfile, ModelProfile
from kairos_cli.domain.pool import Pool
from kairos_cli.router.emulated_pool import EmulatedPool, emulated_pool

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def constant_model(latency_ms: float, *types: str, largest: int = 1000) -> ModelProfile:
    """Return a model that takes as long for every batch."""
    sizes, row = np.array([1, largest]), np.full((2, 2), latency_ms)
    return ModelProfile(
        "ranker", None, {name: LatencyProfile(name, sizes, row[:, 0], np.array([0.0, 1.0]), row) for name in types}
    )


def constant_pool(latency_ms: float, count: int = 1) -> AbstractAsyncContextManager[EmulatedPool]:
    """Return a pool of so many instances that take as long for every batch."""
    return emulated_pool(constant_model(latency_ms, "fast"), Pool.of(["fast"], [count]))


@asynccontextmanager
async def server(infer: Handler, metadata: object) -> AsyncIterator[str]:
    """Run a server of the model `ranker` that answers as it is told; yields its address.

    The metadata are JSON, a text that is not, or None for a server without such a model.
    """

    async def describe(request: web.Request) -> web.StreamResponse:
        if metadata is None:
            return web.Response(status=404, text="no such model")
        return web.Response(text=metadata) if isinstance(metadata, str) else web.json_response(metadata)

    application = web.Application()
    application.add_routes([web.get("/v2/models/ranker", describe), web.post("/v2/models/ranker/infer", infer)])
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()

"""Queries of the example's model by Triton's own client, over HTTP as JSON or binary tensors, and over gRPC."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import numpy as np
import tritonclient.grpc.aio as over_grpc
import tritonclient.http.aio as over_http

from make_model import CATEGORIES, DENSE, FEATURES

MODEL = "wide_and_deep"
#: Answers a query of so many items with the bytes of its scores.
Ask = Callable[[int], Awaitable[bytes]]


def inputs(items: int) -> dict[str, np.ndarray]:
    """Return the inputs of a query of so many items, always the same ones."""
    random = np.random.default_rng(items)
    dense = random.standard_normal((items, DENSE)).astype(np.float32)
    return {"dense": dense, "ids": random.integers(0, CATEGORIES, (items, FEATURES))}


class Client:
    """Clients of one address over both protocols; `ways` has the three ways to ask."""

    def __init__(self, http_port: int, grpc_port: int) -> None:
        self.http = over_http.InferenceServerClient(f"127.0.0.1:{http_port}", conn_limit=64)
        self.grpc = over_grpc.InferenceServerClient(f"127.0.0.1:{grpc_port}")
        self.ways: dict[str, Ask] = {"HTTP, JSON": self._json, "HTTP, binary": self._binary, "gRPC": self._grpc}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Client:
        await self._stack.enter_async_context(self.http)
        await self._stack.enter_async_context(self.grpc)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def _json(self, items: int) -> bytes:
        given = [_filled(over_http.InferInput, name, value, binary_data=False) for name, value in inputs(items).items()]
        wanted = [over_http.InferRequestedOutput("score", binary_data=False)]
        headers = {"Content-Type": "application/json"}  # without it KServe expects binary tensors
        return _scores(await self.http.infer(MODEL, given, outputs=wanted, request_id="q", headers=headers), items)

    async def _binary(self, items: int) -> bytes:
        given = [_filled(over_http.InferInput, name, value) for name, value in inputs(items).items()]
        return _scores(await self.http.infer(MODEL, given, request_id="q"), items)

    async def _grpc(self, items: int) -> bytes:
        given = [_filled(over_grpc.InferInput, name, value) for name, value in inputs(items).items()]
        return _scores(await self.grpc.infer(MODEL, given, request_id="q"), items)


def _filled(kind: Any, name: str, value: np.ndarray, **options: bool) -> Any:
    tensor = kind(name, list(value.shape), "FP32" if value.dtype == np.float32 else "INT64")
    tensor.set_data_from_numpy(value, **options)
    return tensor


def _scores(result: Any, items: int) -> bytes:
    scores = result.as_numpy("score")
    assert scores.shape == (items, 1) and scores.dtype == np.float32, (scores.shape, scores.dtype)
    return bytes(scores.tobytes())

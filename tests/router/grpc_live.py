"""A router on a real loopback port for gRPC, in front of servers that do as a test tells them."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc import aio

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.planner.capacity import shadow_prices
from kairos_cli.router.batch_source import batch_source
from kairos_cli.router.http_router import Router
from kairos_cli.router.journal import Journal
from kairos_cli.router.settings import GrpcAddress, Settings
from tests.router.protocol import infer_request, message
from tests.router.virtual_servers import rm2_table

SERVICE = "inference.GRPCInferenceService"
Act = Callable[["GrpcBackend", bytes, Any], Awaitable[bytes]]


@dataclass
class GrpcBackend:
    """A server of the protocol on a port of its own; `act` answers inference, by doubling the numbers if not told."""

    act: Act | None = None
    delay_s: float = 0.0
    ready: bool = True
    models: tuple[str, ...] = ("rm2",)
    seen: list[tuple[bytes, dict[str, Any]]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0
    _server: aio.Server | None = None

    @property
    def url(self) -> str:
        return f"grpc://127.0.0.1:{self.port}"

    async def start(self) -> None:
        methods = {
            "ServerReady": self._ready, "ModelReady": self._model_ready, "ModelInfer": self._infer,
            "ServerMetadata": self._about, "ModelMetadata": self._about_model,
        }  # fmt: skip
        handlers = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()}
        self._server = aio.server(options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        """Go away at once, whatever is in hand."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    async def _ready(self, content: bytes, context: Any) -> bytes:
        return message("ServerReadyResponse")(ready=self.ready).SerializeToString()

    async def _model_ready(self, content: bytes, context: Any) -> bytes:
        asked = message("ModelReadyRequest").FromString(content)
        return message("ModelReadyResponse")(ready=asked.name in self.models).SerializeToString()

    async def _about(self, content: bytes, context: Any) -> bytes:
        return message("ServerMetadataResponse")(name="backend", version="7").SerializeToString()

    async def _about_model(self, content: bytes, context: Any) -> bytes:
        asked = message("ModelReadyRequest").FromString(content)
        if asked.name not in self.models:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no {asked.name} here")
        return message("ModelMetadataResponse")(name=asked.name, platform="test").SerializeToString()

    async def _infer(self, content: bytes, context: Any) -> bytes:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.seen.append((content, dict(context.invocation_metadata())))
            if self.act is not None:
                return await self.act(self, content, context)
            await asyncio.sleep(self.delay_s)
            return doubled(content)
        finally:
            self.at_once -= 1


def doubled(content: bytes) -> bytes:
    """Answer a request with twice its numbers."""
    asked = message("ModelInferRequest").FromString(content)
    (raw,) = asked.raw_input_contents
    numbers = struct.unpack(f"<{len(raw) // 4}f", raw)
    answer = message("ModelInferResponse")(model_name=asked.model_name, id=asked.id)
    answer.outputs.add(name="y", datatype="FP32", shape=asked.inputs[0].shape)
    answer.raw_output_contents.append(struct.pack(f"<{len(numbers)}f", *(2 * each for each in numbers)))
    return bytes(answer.SerializeToString())


@dataclass
class GrpcLive:
    """A running router, its servers, a client, and what the journal holds."""

    router: Router
    backends: list[GrpcBackend]
    channel: aio.Channel
    journal: list[dict[str, Any]]

    def call(self, method: str, content: bytes = b"", **options: Any) -> Any:
        """Begin to ask a method, by its name or by its full one."""
        full = method if method.startswith("/") else f"/{SERVICE}/{method}"
        return self.channel.unary_unary(full)(content, **options)

    async def ask(self, method: str, answer: str, **fields: Any) -> Any:
        """Return what a method about models answers."""
        request = message("ModelReadyRequest")(**fields).SerializeToString()
        return message(answer).FromString(await self.call(method, request))

    async def infer(self, items: int = 1, model: str = "rm2", **options: Any) -> list[float]:
        """Send one query; return the numbers of its answer."""
        content = await self.call("ModelInfer", infer_request(items, model).SerializeToString(), **options)
        (raw,) = message("ModelInferResponse").FromString(content).raw_output_contents
        return list(struct.unpack(f"<{len(raw) // 4}f", raw))

    async def refused(self, method: str, content: bytes, **options: Any) -> grpc.RpcError:
        """Return the error that a call ends with."""
        try:
            await self.call(method, content, **options)
        except grpc.RpcError as error:
            return error
        raise AssertionError("the call was answered")

    async def until(self, true: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait until something is true."""
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def grpc_live(*backends: tuple[str, GrpcBackend], **settings: Any) -> AsyncIterator[GrpcLive]:
    """Run servers of types with a router before them, and stop all of it at the end."""
    for _, backend in backends:
        await backend.start()
    table, journal = settings.pop("table", None) or rm2_table(), []
    given = {
        "model": ModelProfile("rm2", None, {}),
        "front": None,
        "grpc": GrpcAddress("127.0.0.1", 0),
        "backends": [(type_name, backend.url) for type_name, backend in backends],
        "source": batch_source(None),
        "grace_s": 2.0,
        **settings,
    }
    router = Router(Settings(**given), table, shadow_prices, Journal(lambda line: journal.append(json.loads(line))))
    try:
        await router.start()
        async with aio.insecure_channel(f"127.0.0.1:{router.grpc_port}") as channel:
            yield GrpcLive(router, [backend for _, backend in backends], channel, journal)
    finally:
        await router.stop()
        for _, backend in backends:
            await backend.stop()

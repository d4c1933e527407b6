"""The client's side over gRPC: queries to servers, probes, and whatever else is asked of one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import grpc
from grpc import aio

from kairos_cli.router.answer_limits import AnswerLimits
from kairos_cli.router.grpc_message import GrpcReply, GrpcRequest, Metadata, passed_on, says_yes
from kairos_cli.router.members import Instance
from kairos_cli.router.work import BackendFailed, BackendLost

SERVICE = "/inference.GRPCInferenceService/"
_PROBE_S = 1.0
#: What a server that goes leaves of a query, whether it says so itself or its connection breaks.
_LOST = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


class GrpcBackends:
    """A connection to each server; they open themselves again, four times a second."""

    def __init__(self, limits: AnswerLimits) -> None:
        self._limits = limits
        self._channels: dict[str, aio.Channel] = {}
        self._methods: dict[tuple[str, str], Callable[..., Any]] = {}
        self._options = [
            ("grpc.max_receive_message_length", limits.bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 1000),  # how long connecting may take
            ("grpc.max_reconnect_backoff_ms", 250),
            ("grpc.client_idle_timeout_ms", 60_000),  # one that is no backend any more is not even probed
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_retries", 0),  # the router itself asks another server
            ("grpc.enable_http_proxy", 0),
        ]

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))

    async def post(self, instance: Instance, request: GrpcRequest) -> GrpcReply:
        """Return the reply to a query; raises BackendLost or BackendFailed."""
        return await self._ask(instance, "ModelInfer", request.content, request.metadata, self._limits.seconds)

    async def _ask(
        self, instance: Instance, method: str, content: bytes, metadata: Metadata, seconds: float
    ) -> GrpcReply:
        """Return what a server answers; the client's deadline is not the server's, which goes on working after it."""
        url = instance.sender.grpc
        known = self._methods.get((url, method)) or self._method(url, method)
        call = known(content, timeout=seconds, metadata=metadata)
        try:
            answer = await call
            return GrpcReply(
                answer,
                leading=passed_on(await call.initial_metadata()),
                trailing=passed_on(await call.trailing_metadata()),
            )
        except grpc.RpcError as error:
            return _reply_of(error, seconds)

    def _method(self, url: str, method: str) -> Callable[..., Any]:
        channel = self._channels.get(url)
        if channel is None:
            channel = self._channels[url] = self._channel(url)
        known: Callable[..., Any] = channel.unary_unary(f"{SERVICE}{method}")
        self._methods[url, method] = known
        return known

    def _channel(self, url: str) -> aio.Channel:
        parts = urlsplit(url)
        if parts.scheme == "grpcs":
            return aio.secure_channel(parts.netloc, grpc.ssl_channel_credentials(), self._options)
        return aio.insecure_channel(parts.netloc, self._options)

    async def ask(self, instance: Instance, method: str, content: bytes, metadata: Metadata = ()) -> GrpcReply:
        """Return what a server answers to a question that takes no time of its own; raises as `post` does."""
        return await self._ask(instance, method, content, metadata, 5 * _PROBE_S)

    async def probe(self, instance: Instance) -> bool | None:
        """Return whether a server says that it is ready; None if it does not answer in time."""
        try:
            reply = await self._ask(instance, "ServerReady", b"", (), _PROBE_S)
        except BackendLost:
            return False
        except BackendFailed:
            return None
        return reply.good and says_yes(reply.content)


def _reply_of(error: Any, seconds: float) -> GrpcReply:
    """Return an error as the reply that it is; raises BackendLost or BackendFailed if it is none."""
    code, details = error.code(), error.details() or ""
    if code in _LOST:
        raise BackendLost(details or code.name) from None
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        raise BackendFailed(f"no answer within {seconds:g} s", 504) from None
    return GrpcReply(b"", code, details, passed_on(error.initial_metadata()), passed_on(error.trailing_metadata()))

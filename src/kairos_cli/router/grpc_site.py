"""A listening port for gRPC with limits: sizes of messages and metadata, calls at once, and idle connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import grpc
from grpc import aio

from kairos_cli.router.grpc_message import GrpcReply, Metadata
from kairos_cli.router.grpc_status import code_of, retry_metadata
from kairos_cli.router.http_site import Limits
from kairos_cli.router.journal import Journal
from kairos_cli.router.refused import Refused


class Front(Protocol):
    """What answers."""

    def has(self, method: str) -> bool:
        """Tell whether there is a method, by its full name."""

    async def handle(self, method: str, content: bytes, metadata: Metadata) -> GrpcReply:
        """Answer one request; raises Refused."""


class GrpcSite(grpc.GenericRpcHandler):  # type: ignore[misc]
    """One port, from `start` to `stop`; `port` is the real one where 0 was asked for.

    Messages are bytes on both sides: nothing is decoded. A client that goes, or whose deadline passes, cancels its
    call, and with it the query.
    """

    def __init__(self, front: Front, limits: Limits, most_calls: int, journal: Journal) -> None:
        self.port = 0
        self._front, self._journal = front, journal
        self._handlers: dict[str, grpc.RpcMethodHandler] = {}
        options = [
            ("grpc.max_receive_message_length", limits.body_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_metadata_size", limits.header_bytes),
            ("grpc.absolute_max_metadata_size", limits.header_bytes),
            ("grpc.max_connection_idle_ms", int(limits.idle_s * 1000)),
            ("grpc.server_handshake_timeout_ms", int(limits.body_s * 1000)),
            ("grpc.so_reuseport", 0),  # a port that another program has is an error
        ]
        self._server = aio.server(handlers=[self], options=options, maximum_concurrent_rpcs=most_calls)

    async def start(self, host: str, port: int, tls: tuple[bytes, bytes] | None = None) -> None:
        """Listen, with a key and its certificate chain for TLS; raises OSError where that cannot be."""
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            if tls is None:
                self.port = self._server.add_insecure_port(address)
            else:
                self.port = self._server.add_secure_port(address, grpc.ssl_server_credentials([tls]))
        except RuntimeError:
            raise OSError(f"{address} cannot be had for gRPC") from None
        await self._server.start()

    async def stop(self) -> None:
        """Listen no longer, and end the calls that are left after a second."""
        await self._server.stop(1.0)

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler | None:
        """Return what handles a method; None for one that there is not."""
        method = handler_call_details.method
        known = self._handlers.get(method)
        if known is None and self._front.has(method):
            known = self._handlers[method] = grpc.unary_unary_rpc_method_handler(self._handler(method))
        return known

    def _handler(self, method: str) -> Callable[[bytes, Any], Awaitable[bytes]]:
        async def handle(content: bytes, context: Any) -> bytes:
            try:
                reply = await self._front.handle(method, content, context.invocation_metadata() or ())
            except Refused as error:
                await context.abort(code_of(error), error.message, retry_metadata(error))
            except Exception as error:
                self._journal.tell("defect", error=f"{type(error).__name__}: {error}", path=method)
                await context.abort(grpc.StatusCode.INTERNAL, f"defect of kairos: {type(error).__name__}")
            return await _answered(reply, context)

        return handle


async def _answered(reply: GrpcReply, context: Any) -> bytes:
    """Answer as the server did."""
    if reply.leading:
        await context.send_initial_metadata(reply.leading)
    if not reply.good:
        await context.abort(reply.code, reply.details, reply.trailing)
    if reply.trailing:
        context.set_trailing_metadata(reply.trailing)
    return reply.content

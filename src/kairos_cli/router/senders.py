"""The ways to a server: HTTP, gRPC or both. A query goes to it the way that it came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kairos_cli.router.answer_limits import AnswerLimits
from kairos_cli.router.backend_url import Addresses, addresses
from kairos_cli.router.http_backends import Backends
from kairos_cli.router.http_message import Request
from kairos_cli.router.members import Instance
from kairos_cli.router.refused import Refused
from kairos_cli.router.shared_requests import AnyReply, sent_together
from kairos_cli.router.work import Batch

if TYPE_CHECKING:
    from kairos_cli.router.grpc_backends import GrpcBackends


class Senders:
    """Sends batches, and probes servers on each way that is in use; gRPC is loaded only where it is one of them."""

    def __init__(self, limits: AnswerLimits, over_http: bool, over_grpc: bool) -> None:
        self.http = Backends(limits) if over_http else None
        self.grpc = _grpc_backends(limits) if over_grpc else None

    def reached(self, url: str) -> Addresses:
        """Return the addresses of a server; raises Refused where clients' queries could not be passed on to it."""
        try:
            found = addresses(url)
        except ValueError as error:
            raise Refused(str(error)) from None
        if self.http and not found.http:
            raise Refused(f"{url} has no http:// address, to which queries that come over HTTP are passed on")
        if self.grpc and not found.grpc:
            raise Refused(f"{url} has no grpc:// address, to which queries that come over gRPC are passed on")
        return found

    async def send(self, instance: Instance, batch: Batch) -> Sequence[AnyReply]:
        """Return the reply to each piece of a batch; raises BackendLost, BackendFailed, or Refused."""
        first = batch.pieces[0]
        if len(batch.pieces) == 1 and first.items == first.query.items:
            return [await self._post(instance, first.query.content)]
        return await sent_together(batch.pieces, lambda request: self._post(instance, request))

    async def _post(self, instance: Instance, request: Any) -> AnyReply:
        if self.http and isinstance(request, Request):
            return await self.http.post(instance, request)
        assert self.grpc is not None
        return await self.grpc.post(instance, request)

    async def probe(self, instance: Instance) -> bool | None:
        """Return whether a server says that it is ready on all ways; None if it does not answer in time on one."""
        answer: bool | None = True
        for way in (self.http, self.grpc):
            if answer and way is not None:
                answer = await way.probe(instance)
        return answer

    async def close(self) -> None:
        """Close all connections."""
        for way in (self.http, self.grpc):
            if way is not None:
                await way.close()


def _grpc_backends(limits: AnswerLimits) -> GrpcBackends:
    from kairos_cli.router.grpc_backends import GrpcBackends

    return GrpcBackends(limits)

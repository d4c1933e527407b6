"""The servers' side over gRPC, as clients see it: one Open Inference Protocol server, behind which the pool stands.

Inference goes through the distributor. What tells about a model or the servers is asked of one of them. Everything
else that a server can do, such as loading models, would reach one of many and is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kairos_cli.router.batch_source import in_header
from kairos_cli.router.distributor import Distributor
from kairos_cli.router.grpc_backends import SERVICE, GrpcBackends
from kairos_cli.router.grpc_message import (
    NO,
    YES,
    Asked,
    GrpcReply,
    GrpcRequest,
    Metadata,
    asked,
    model_question,
    passed_on,
    says_yes,
)
from kairos_cli.router.members import Instance
from kairos_cli.router.protobuf_wire import field_bytes
from kairos_cli.router.refused import Refused
from kairos_cli.router.shared_requests import joined
from kairos_cli.router.work import BackendFailed, BackendLost, NotServed

_INFER = f"{SERVICE}ModelInfer"
#: What tells and changes nothing.
_TOLD = frozenset({"ServerMetadata", "ModelMetadata", "ModelReady", "ModelConfig", "ModelStatistics"})
_LIVE, _READY, _HEALTH = f"{SERVICE}ServerLive", f"{SERVICE}ServerReady", "/grpc.health.v1.Health/Check"
#: SERVING and NOT_SERVING of the health checking protocol.
_SERVING, _NOT_SERVING = field_bytes(1, 1), field_bytes(1, 2)
#: So many models are remembered as known to the servers.
_MOST_MODELS = 1000


class GrpcFront:
    """Answers clients; `batch_header` names the metadata that tell the batch size, if they do."""

    def __init__(self, distributor: Distributor, backends: GrpcBackends, batch_header: str | None) -> None:
        self._distributor, self._backends = distributor, backends
        self._batch_header = batch_header
        self._models: set[tuple[str, str]] = set()

    @staticmethod
    def has(method: str) -> bool:
        """Tell whether there is a method, by its full name."""
        return method in (_INFER, _LIVE, _READY, _HEALTH) or _is_told(method)

    async def handle(self, method: str, content: bytes, metadata: Metadata) -> GrpcReply:
        """Answer one request; raises Refused."""
        if method == _INFER:
            return await self._infer(content, metadata)
        if method == _LIVE:
            return GrpcReply(YES)
        if method == _READY:
            return GrpcReply(YES if self._ready() else NO)
        if method == _HEALTH:
            return GrpcReply(_SERVING if self._ready() else _NOT_SERVING)
        return await self._told(method.removeprefix(SERVICE), content, passed_on(metadata))

    def _ready(self) -> bool:
        return bool(self._distributor.servers.members.up) and not self._distributor.stopping

    async def _infer(self, content: bytes, metadata: Metadata) -> GrpcReply:
        """Have a query served."""
        question = asked(content)
        items = question.batch_size if self._batch_header is None else in_header(_texts(metadata), self._batch_header)
        if (question.model, question.version) not in self._models:
            await self._expect_model(question)
        request = GrpcRequest(content, passed_on(metadata))
        replies: list[GrpcReply] = await self._distributor.serve(items, request)  # type: ignore[assignment]
        return joined(replies, request)

    async def _expect_model(self, question: Asked) -> None:
        """Raise Refused if the servers do not know a model, which would else cost the pool's time."""
        if not self._distributor.servers.members.up:
            return
        reply = await self._told("ModelReady", model_question(question.model, question.version), ())
        if not (reply.good and says_yes(reply.content)):
            named = f"{question.model} in version {question.version}" if question.version else question.model
            raise Refused(f"the servers know no model {named}", 404)
        if len(self._models) >= _MOST_MODELS:
            self._models.clear()
        self._models.add((question.model, question.version))

    async def _told(self, method: str, content: bytes, metadata: Metadata) -> GrpcReply:
        """Return what the first server that answers says; raises NotServed if none does."""
        error: Exception = NotServed("no server is up", 503, 1)
        for instance in self._asked():
            try:
                return await self._backends.ask(instance, method, content, metadata)
            except (BackendLost, BackendFailed) as failure:
                error = NotServed(f"no server answered: {failure}", 502)
        raise error

    def _asked(self) -> Iterator[Instance]:
        """Yield up to three servers to ask, the idle ones first."""
        yield from sorted(self._distributor.servers.members.up, key=lambda each: each.outstanding)[:3]


def _is_told(method: str) -> bool:
    return method.startswith(SERVICE) and method.removeprefix(SERVICE) in _TOLD


def _texts(metadata: Metadata) -> Mapping[str, str]:
    return {key: value for key, value in metadata if isinstance(value, str)}

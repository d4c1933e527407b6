"""What the router passes on over gRPC: requests of clients to servers, and their replies back, as bytes.

Of an inference request no more is read than its model and the shape of its first input, unless it has to share a
request or is served in parts: its tensors may be large.

Source: the protocol's grpc_predict_v2.proto, whose field numbers stand here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import grpc

from kairos_cli.router.grpc_tensors import parse, written
from kairos_cli.router.open_inference import Message
from kairos_cli.router.protobuf_wire import LENGTH, VARINT, Field, field_bytes, fields, varint
from kairos_cli.router.refused import Refused

Metadata = tuple[tuple[str, str | bytes], ...]

#: Fields of ModelInferRequest, and of the tensors in it.
_MODEL, _VERSION, _INPUT = 1, 2, 5
_SHAPE = 3
_NEGATIVE = 2**63

#: Codes that say that a server failed, and not the query.
_FAULTS = frozenset({
    grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS, grpc.StatusCode.ABORTED,
})  # fmt: skip
#: Metadata that belong to one connection or are made anew for the next one, beside all that begins with grpc-.
_OWN = frozenset({"user-agent", "content-type", "te", "host"})
_RICH_ERROR = "grpc-status-details-bin"


def passed_on(metadata: Iterable[tuple[str, str | bytes]] | None) -> Metadata:
    """Return the metadata that are for the other end, each as often as it came."""
    return tuple(
        (key, value)
        for key, value in metadata or ()
        if key not in _OWN and (not key.startswith("grpc-") or key == _RICH_ERROR)
    )


@dataclass(eq=False)
class GrpcRequest:
    """One inference request as it came."""

    content: bytes
    metadata: Metadata = ()
    target: str = "grpc"

    @cached_property
    def message(self) -> Message:
        """What it says, in tensors; raises Refused."""
        return parse(self.content, "inputs")

    def holding(self, message: Message) -> GrpcRequest:
        """Return the request that says something else."""
        return GrpcRequest(written(message), self.metadata)


@dataclass(frozen=True, slots=True)
class GrpcReply:
    """What a server answered, whatever its status; `leading` and `trailing` are its metadata."""

    content: bytes
    code: grpc.StatusCode = grpc.StatusCode.OK
    details: str = ""
    leading: Metadata = ()
    trailing: Metadata = ()

    @property
    def good(self) -> bool:
        """Whether the server did the work."""
        return self.code is grpc.StatusCode.OK

    @property
    def fault(self) -> bool:
        """Whether the server failed at it."""
        return self.code in _FAULTS

    @property
    def message(self) -> Message:
        """What it says, in tensors; raises Refused."""
        return parse(self.content, "outputs")

    def holding(self, message: Message) -> GrpcReply:
        """Return the reply that says something else."""
        return replace(self, content=written(message))


@dataclass(frozen=True, slots=True)
class Asked:
    """Which model an inference request is for, and `shape` where the shape of its first input stands in it."""

    model: str
    version: str
    content: bytes
    first_input: Field | None

    @property
    def batch_size(self) -> int:
        """The first dimension of the first input; raises Refused where there is none above 0."""
        if self.first_input is None:
            raise Refused("the request has no inputs")
        rows = _first_dimension(self.content, self.first_input)
        if rows is None:
            raise Refused("the first input has no dimension that could be the batch: its shape is []")
        if not 0 < rows < _NEGATIVE:
            raise Refused(f"the batch size must be at least 1, got {rows if rows < _NEGATIVE else rows - 2**64}")
        return rows


def asked(content: bytes) -> Asked:
    """Return what an inference request is for; raises Refused for bytes that are none."""
    model = version = first_input = None
    for field in fields(content, 0, len(content)):
        if field.wire != LENGTH:
            continue
        if field.number == _MODEL:
            model = field
        elif field.number == _VERSION:
            version = field
        elif field.number == _INPUT and first_input is None:
            first_input = field
    return Asked(_text(content, model), _text(content, version), content, first_input)


def _text(content: bytes, field: Field | None) -> str:
    if field is None:
        return ""
    try:
        return content[field.start : field.end].decode()
    except UnicodeDecodeError:
        raise Refused("the model's name is no UTF-8") from None


def _first_dimension(content: bytes, tensor: Field) -> int | None:
    """Return the first number of a tensor's shape, written one by one or packed."""
    for field in fields(content, tensor.start, tensor.end):
        if field.number == _SHAPE and field.wire == VARINT:
            return field.start
        if field.number == _SHAPE and field.wire == LENGTH and field.start < field.end:
            return varint(content, field.start, field.end)[0]
    return None


def model_question(model: str, version: str) -> bytes:
    """Return the request that asks about a model: ModelReady and ModelMetadata have the same two fields."""
    return field_bytes(_MODEL, model.encode()) + field_bytes(_VERSION, version.encode())


def says_yes(content: bytes) -> bool:
    """Tell whether an answer of ServerReady or ModelReady says yes; one that is no such answer does not."""
    try:
        return any(field[:3] == (1, VARINT, 1) for field in fields(content, 0, len(content)))
    except Refused:
        return False


#: Yes and no as ServerLive, ServerReady and ModelReady have them.
YES, NO = field_bytes(1, 1), b""

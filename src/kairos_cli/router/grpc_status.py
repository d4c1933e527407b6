"""How gRPC says that a query is refused: a code, and when it is worth to come back."""

from __future__ import annotations

import grpc

from kairos_cli.router.grpc_message import Metadata
from kairos_cli.router.protobuf_wire import field_bytes
from kairos_cli.router.refused import Refused

#: The codes that stand for HTTP statuses here. 502 is a server that was lost or failed.
_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    404: grpc.StatusCode.NOT_FOUND,
    405: grpc.StatusCode.UNIMPLEMENTED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    502: grpc.StatusCode.UNAVAILABLE,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
_RETRY_INFO = b"type.googleapis.com/google.rpc.RetryInfo"


def code_of(error: Refused) -> grpc.StatusCode:
    """Return the code for a query that is refused."""
    return _CODES.get(error.status, grpc.StatusCode.UNKNOWN)


def retry_metadata(error: Refused) -> Metadata:
    """Return what tells a client when to come back, if it should: for its retry policy, and as google.rpc.RetryInfo."""
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is None:
        return ()
    delay = field_bytes(1, field_bytes(1, retry_after_s))
    detail = field_bytes(1, _RETRY_INFO) + field_bytes(2, delay)
    status = field_bytes(1, code_of(error).value[0]) + field_bytes(2, error.message.encode()) + field_bytes(3, detail)
    return (("grpc-retry-pushback-ms", str(retry_after_s * 1000)), ("grpc-status-details-bin", status))

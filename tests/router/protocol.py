"""Messages of the protocol over gRPC, as Google's own library writes and reads them.

The fields are those of grpc_predict_v2.proto, of the specification of the Open Inference Protocol.
"""

from __future__ import annotations

import struct
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    "string": _FIELD.TYPE_STRING, "bytes": _FIELD.TYPE_BYTES, "bool": _FIELD.TYPE_BOOL, "int64": _FIELD.TYPE_INT64,
    "uint32": _FIELD.TYPE_UINT32, "uint64": _FIELD.TYPE_UINT64, "int32": _FIELD.TYPE_INT32, "float": _FIELD.TYPE_FLOAT,
    "double": _FIELD.TYPE_DOUBLE,
}  # fmt: skip
#: Message: the fields as `type name number`, a star for repeated ones, `map` for parameters.
_MESSAGES = {
    "ModelReadyRequest": ["string name 1", "string version 2"],
    "ModelReadyResponse": ["bool ready 1"],
    "ServerReadyResponse": ["bool ready 1"],
    "ServerMetadataResponse": ["string name 1", "string version 2", "string* extensions 3"],
    "ModelMetadataResponse": ["string name 1", "string* versions 2", "string platform 3"],
    "InferParameter": ["bool bool_param 1", "int64 int64_param 2", "string string_param 3"],
    "Contents": [
        "bool* bool_contents 1", "int32* int_contents 2", "int64* int64_contents 3", "uint32* uint_contents 4",
        "uint64* uint64_contents 5", "float* fp32_contents 6", "double* fp64_contents 7", "bytes* bytes_contents 8",
    ],
    "Tensor": [
        "string name 1", "string datatype 2", "int64* shape 3", "map parameters 4", "Contents contents 5",
    ],
    "Unpacked": ["string name 1", "string datatype 2", "unpacked shape 3"],
    "Requested": ["string name 1", "map parameters 2"],
    "ModelInferRequest": [
        "string model_name 1", "string model_version 2", "string id 3", "map parameters 4", "Tensor* inputs 5",
        "Requested* outputs 6", "bytes* raw_input_contents 7",
    ],
    "ModelInferResponse": [
        "string model_name 1", "string model_version 2", "string id 3", "map parameters 4", "Tensor* outputs 5",
        "bytes* raw_output_contents 6",
    ],
    "Duration": ["int64 seconds 1", "int32 nanos 2"],
    "RetryInfo": ["Duration retry_delay 1"],
    "Any": ["string type_url 1", "bytes value 2"],
    "Status": ["int32 code 1", "string message 2", "Any* details 3"],
}  # fmt: skip


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="tests.proto", package="tests", syntax="proto3")
    for name, written in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for kind, field, number in (each.split() for each in written):
            _add_field(message, kind, field, int(number))
    return file


def _add_field(message: Any, kind: str, name: str, number: int) -> None:
    field = message.field.add(name=name, number=number, label=_FIELD.LABEL_OPTIONAL)
    if kind == "map":
        entry = message.nested_type.add(name=f"{name.title()}Entry")
        entry.options.map_entry = True
        _add_field(entry, "string", "key", 1)
        _add_field(entry, "InferParameter", "value", 2)
        field.label, field.type = _FIELD.LABEL_REPEATED, _FIELD.TYPE_MESSAGE
        field.type_name = f".tests.{message.name}.{entry.name}"
        return
    if kind.endswith("*") or kind == "unpacked":
        field.label = _FIELD.LABEL_REPEATED
    if kind == "unpacked":
        kind, field.options.packed = "int64", False
    kind = kind.rstrip("*")
    field.type = _TYPES.get(kind, _FIELD.TYPE_MESSAGE)
    if kind not in _TYPES:
        field.type_name = f".tests.{kind}"


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_file())


def message(name: str) -> Any:
    """Return the class of a message."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"tests.{name}"))


def infer_request(items: int, model: str = "rm2", **fields: Any) -> Any:
    """Return a request of so many items with one number each, as raw contents."""
    request = message("ModelInferRequest")(model_name=model, **fields)
    request.inputs.add(name="x", datatype="FP32", shape=[items, 1])
    request.raw_input_contents.append(struct.pack(f"<{items}f", *range(items)))
    return request

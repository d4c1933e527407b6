"""The Open Inference Protocol V2 over gRPC: tensors found in messages, and messages written with other rows in them.

As over HTTP, values are never decoded: *binary* ones are raw contents, *written* ones are typed contents, each element
as the wire has it. What a message says beside its tensors and its id stays the bytes that it was.

Source: the protocol's grpc_predict_v2.proto, whose field numbers stand here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from kairos_cli.router.open_inference import Message
from kairos_cli.router.protobuf_wire import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    Field,
    element_bytes,
    field_bytes,
    fields,
    varint,
    varint_bytes,
)
from kairos_cli.router.refused import Refused
from kairos_cli.router.tensor import Tensor, check_fit

#: Fields of ModelInferRequest and of ModelInferResponse; raw contents have another number in each.
_ID, _PARAMETERS, _TENSOR = 3, 4, 5
_RAW = {"inputs": 7, "outputs": 6}
#: Fields of a tensor, and of a parameter.
_NAME, _DATATYPE, _SHAPE, _TENSOR_PARAMETERS, _CONTENTS = 1, 2, 3, 4, 5
_KEY = 1
#: The field of the typed contents of each datatype, and how many bytes its elements have; None for varints.
_TYPED: dict[str, tuple[int, int | None]] = {
    "BOOL": (1, None), "INT8": (2, None), "INT16": (2, None), "INT32": (2, None), "INT64": (3, None),
    "UINT8": (4, None), "UINT16": (4, None), "UINT32": (4, None), "UINT64": (5, None), "FP32": (6, 4), "FP64": (7, 8),
}  # fmt: skip
_BYTES_FIELD = 8
_LARGEST_DIMENSION = 2**63 - 1


def parse(content: bytes, tensors_are: Literal["inputs", "outputs"]) -> Message:
    """Return what a message says, each tensor checked to fit its shape; raises Refused."""
    tensors, raw, others, name, parameters, at = [], [], b"", None, {}, 0
    for field in fields(content, 0, len(content)):
        number = field.number if field.wire == LENGTH else 0
        if number == _TENSOR:
            tensors.append(_tensor(content, field))
        elif number == _RAW[tensors_are]:
            raw.append(content[field.start : field.end])
        elif number == _ID:
            name = _text(content, field)
        else:
            others += content[at : field.end]
            if number == _PARAMETERS:
                parameters[_key(content, field)] = True
        at = field.end
    said = {"parameters": parameters, "others": others.decode("latin-1"), **({"id": name} if name else {})}
    return Message(tensors_are, tuple(_with_contents(tensors, raw, tensors_are)), said)


def _tensor(content: bytes, of: Field) -> Tensor:
    """Return a tensor with its typed contents."""
    name, datatype, shape, parameters, contents = "", "", [], b"", b""
    for field in fields(content, of.start, of.end):
        payload = content[field.start : field.end] if field.wire == LENGTH else b""
        if field.number == _SHAPE:
            shape += _numbers(content, field)
        elif field.number == _NAME:
            name = _text(content, field)
        elif field.number == _DATATYPE:
            datatype = _text(content, field)
        elif field.number == _TENSOR_PARAMETERS:
            parameters += element_bytes(_TENSOR_PARAMETERS, payload)
        elif field.number == _CONTENTS:
            contents += payload
    if any(each > _LARGEST_DIMENSION for each in shape):
        raise Refused(f"the shape of tensor {name!r} has a number below 0")
    values = tuple(_elements(name, datatype, contents))
    return Tensor(name, datatype, tuple(shape), values, parameters={"": parameters.decode("latin-1")})


def _numbers(content: bytes, field: Field) -> list[int]:
    """Return the numbers of a repeated field, written one by one or packed."""
    if field.wire == VARINT:
        return [field.start]
    found, at = [], field.start
    while field.wire == LENGTH and at < field.end:
        number, at = varint(content, at, field.end)
        found.append(number)
    return found


def _elements(name: str, datatype: str, contents: bytes) -> Iterator[bytes]:
    """Yield the elements of typed contents as the wire has them; raises Refused for those of another datatype."""
    number, size = _TYPED.get(datatype, (_BYTES_FIELD, None))
    for field in fields(contents, 0, len(contents)):
        if field.number != number or not _may_hold(field, number, size):
            raise Refused(f"the contents of tensor {name!r} are not such of {datatype}")
        if number == _BYTES_FIELD:
            yield contents[field.start : field.end]
        elif size is None:
            yield from (varint_bytes(each) for each in _numbers(contents, field))
        else:
            yield from (contents[at : at + size] for at in range(field.start, field.end, size))


def _may_hold(field: Field, number: int, size: int | None) -> bool:
    """Tell whether a field is of a wire type for elements of a size, one of them or many."""
    if field.wire == LENGTH or number == _BYTES_FIELD:
        return field.wire == LENGTH and (size is None or (field.end - field.start) % size == 0)
    return (
        field.wire == VARINT if size is None else field.wire in (FIXED32, FIXED64) and field.end - field.start == size
    )


def _with_contents(tensors: list[Tensor], raw: list[bytes], tensors_are: str) -> Iterator[Tensor]:
    """Yield the tensors with their raw contents, if the message has such."""
    if not tensors:
        raise Refused(f"the message has no {tensors_are}")
    if raw and (len(raw) != len(tensors) or any(tensor.values for tensor in tensors)):
        raise Refused(
            f"the message has raw contents for {len(raw)} of {len(tensors)} {tensors_are}, or typed ones beside"
        )
    for place, tensor in enumerate(tensors):
        whole = (
            tensor
            if not raw
            else Tensor(tensor.name, tensor.datatype, tensor.shape, raw[place], parameters=tensor.parameters)
        )
        check_fit(whole)
        yield whole


def _text(content: bytes, field: Field) -> str:
    try:
        return content[field.start : field.end].decode() if field.wire == LENGTH else ""
    except UnicodeDecodeError:
        raise Refused("a name is no UTF-8") from None


def _key(content: bytes, entry: Field) -> str:
    """Return the name of a parameter."""
    keys = [each for each in fields(content, entry.start, entry.end) if each.number == _KEY]
    return _text(content, keys[-1]) if keys else ""


def written(message: Message) -> bytes:
    """Return a message as gRPC carries it."""
    name = str(message.fields.get("id", "")).encode()
    parts = [message.fields["others"].encode("latin-1"), field_bytes(_ID, name)]
    parts += [element_bytes(_TENSOR, _tensor_bytes(tensor)) for tensor in message.tensors]
    raw = [tensor.values for tensor in message.tensors if isinstance(tensor.values, bytes)]
    parts += [element_bytes(_RAW[message.tensors_are], values) for values in raw]
    return b"".join(parts)


def _tensor_bytes(tensor: Tensor) -> bytes:
    shape = b"".join(varint_bytes(each) for each in tensor.shape)
    parameters: bytes = tensor.parameters[""].encode("latin-1")
    described = field_bytes(_NAME, tensor.name.encode()) + field_bytes(_DATATYPE, tensor.datatype.encode())
    contents = b"" if isinstance(tensor.values, bytes) else _contents_bytes(tensor.datatype, tensor.values)
    return described + field_bytes(_SHAPE, shape) + parameters + field_bytes(_CONTENTS, contents)


def _contents_bytes(datatype: str, elements: tuple[bytes, ...]) -> bytes:
    """Return typed contents: numbers packed, texts one by one."""
    number, _ = _TYPED.get(datatype, (_BYTES_FIELD, None))
    if number == _BYTES_FIELD:
        return b"".join(element_bytes(number, each) for each in elements)
    return field_bytes(number, b"".join(elements))

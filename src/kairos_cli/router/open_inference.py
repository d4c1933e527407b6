"""The Open Inference Protocol V2 over HTTP: bodies in, messages out, and back.

A *body* is what HTTP carries: a JSON object and, by the binary tensor data extension, the bytes of tensors behind it,
in which case the header Inference-Header-Content-Length tells how long the JSON object is. A *message* is what a body
says: an inference request with its inputs, or an answer with its outputs. `batch_size` reads no further than the shape
of the first input. Everything here raises Refused, and nothing else, whatever the bytes are.

Source: the specification of the protocol (kserve/open-inference-protocol) and its binary tensor data extension.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kairos_cli.router import json_scan, written_values
from kairos_cli.router.refused import Refused
from kairos_cli.router.tensor import Tensor, check_fit

HEADER_LENGTH = "Inference-Header-Content-Length"
_LARGEST_DIMENSION = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Body:
    """What HTTP carries: the bytes, and how many of them are the JSON object, if others follow."""

    content: bytes
    header_bytes: int | None = None

    @classmethod
    def received(cls, content: bytes, headers: Mapping[str, str], largest_bytes: int | None = None) -> Body:
        """Return the body of an HTTP message; raises Refused for one that is too large or too short for its header."""
        if largest_bytes is not None and len(content) > largest_bytes:
            raise Refused(f"the body has {len(content)} bytes, at most {largest_bytes} are taken", 413)
        written = headers.get(HEADER_LENGTH)
        if written is None:
            return cls(content)
        if not (written.isascii() and written.isdigit() and len(written) < 20 and int(written) <= len(content)):
            raise Refused(f"{HEADER_LENGTH} must be a length within the {len(content)} bytes of the body: {written!r}")
        if int(written) == 0:
            raise Refused(f"{HEADER_LENGTH} is 0: a body without its JSON object tells no shape")
        return cls(content, int(written))

    @property
    def headers(self) -> dict[str, str]:
        """The HTTP headers that belong to it."""
        if self.header_bytes is None:
            return {"Content-Type": "application/json"}
        return {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(self.header_bytes)}

    @property
    def text(self) -> bytes:
        """The JSON object."""
        return self.content if self.header_bytes is None else self.content[: self.header_bytes]

    @property
    def binary(self) -> bytes:
        """The binary data of tensors."""
        return b"" if self.header_bytes is None else self.content[self.header_bytes :]


@dataclass(frozen=True, slots=True)
class Message:
    """An inference request, whose tensors are its inputs, or an answer, whose tensors are its outputs.

    `fields` holds everything else of the JSON object: id, parameters, model_name, requested outputs.
    """

    tensors_are: Literal["inputs", "outputs"]
    tensors: tuple[Tensor, ...]
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The batch size: the first dimension of the first tensor."""
        return self.tensors[0].rows if self.tensors else 0

    def body(self) -> Body:
        """Return the message as HTTP carries it."""
        tensors = b",".join(_tensor_text(tensor) for tensor in self.tensors)
        others = json.dumps(dict(self.fields), separators=(",", ":")).encode()[1:-1]
        text = b'{%s"%s":[%s]}' % (others + b"," if others else b"", self.tensors_are.encode(), tensors)
        binary = [tensor.values for tensor in self.tensors if isinstance(tensor.values, bytes)]
        return Body(text + b"".join(binary), len(text)) if binary else Body(text)


def batch_size(body: Body) -> int:
    """Return the first dimension of the first input of a request; raises Refused where there is none above 0."""
    text = body.text
    for start in _values(text, 0, "inputs"):
        for tensor in json_scan.elements(text, start):
            for shape in _values(text, tensor, "shape"):
                return _first_dimension(
                    _shape(_decoded(text[shape : json_scan.end_of(text, shape)]), "the first input")
                )
            raise Refused("the first input has no shape")
        raise Refused("the request has no inputs")
    raise Refused("the request has no inputs")


def parse(body: Body, tensors_are: Literal["inputs", "outputs"]) -> Message:
    """Return what a body says: a request's inputs or an answer's outputs, each checked to fit its shape."""
    fields, data = _without_data(body.text, tensors_are)
    described = fields.pop(tensors_are, None)
    if not isinstance(described, list) or not described:
        raise Refused(f"the message has no {tensors_are}")
    binary, tensors = body.binary, []
    for each in described:
        tensor, binary = _tensor(each, data, binary)
        check_fit(tensor)
        tensors.append(tensor)
    if binary:
        raise Refused(f"{len(binary)} bytes of binary data follow those of the tensors")
    names = [tensor.name for tensor in tensors]
    if len(set(names)) < len(names):
        raise Refused(f"two of the {tensors_are} have the same name: {', '.join(sorted(names))}")
    return Message(tensors_are, tuple(tensors), fields)


def _first_dimension(shape: tuple[int, ...]) -> int:
    if not shape:
        raise Refused("the first input has no dimension that could be the batch: its shape is []")
    if shape[0] == 0:
        raise Refused(f"the batch size must be at least 1: the shape of the first input is {list(shape)}")
    return shape[0]


def _shape(shape: Any, name: str) -> tuple[int, ...]:
    """Return a shape; raises Refused for what is none."""
    if not isinstance(shape, list) or not all(type(each) is int and 0 <= each <= _LARGEST_DIMENSION for each in shape):
        raise Refused(f"the shape of {name} must be a list of whole numbers, none below 0")
    return tuple(shape)


def _decoded(text: bytes) -> Any:
    try:
        return json.loads(text.decode())
    except ValueError as error:
        raise Refused(f"the body is no JSON: {_reason(error)}") from None


def _reason(error: ValueError) -> str:
    """Return why a text could not be decoded; where is left out, for the data of tensors had been taken out of it."""
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else "a number in it is too long"


def _values(text: bytes, start: int, key: str) -> Iterator[int]:
    """Yield the start of each value that the object at `start` has under a key."""
    return (value for found, value in json_scan.members(text, start) if found == key)


def _without_data(text: bytes, tensors_are: str) -> tuple[dict[str, Any], list[bytes]]:
    """Return the JSON object decoded with numbers in place of the tensors' data, and the data they stand for."""
    spans = [
        (data, json_scan.end_of(text, data))
        for tensors in _values(text, 0, tensors_are)
        for tensor in json_scan.elements(text, tensors)
        for data in _values(text, tensor, "data")
    ]
    ends = [0, *(end for _, end in spans)]
    kept = [text[end:start] for end, (start, _) in zip(ends[:-1], spans, strict=True)]
    skeleton = b"".join(b"%s%d" % (each, number) for number, each in enumerate(kept)) + text[ends[-1] :]
    fields = _decoded(skeleton)
    if not isinstance(fields, dict):
        raise Refused("the body is no JSON object")
    return fields, [text[start:end] for start, end in spans]


def _tensor(each: dict[str, Any], data: list[bytes], binary: bytes) -> tuple[Tensor, bytes]:
    """Return a tensor made from its description, and the binary data that is left."""
    name, datatype = each.get("name"), each.get("datatype")
    if not isinstance(name, str) or not isinstance(datatype, str):
        raise Refused("every tensor must have a name and a datatype")
    parameters = each.get("parameters", {})
    if not isinstance(parameters, dict):
        raise Refused(f"the parameters of tensor {name!r} must be an object")
    shape = _shape(each.get("shape"), f"tensor {name!r}")
    size = parameters.pop("binary_data_size", None)
    if (size is None) == ("data" not in each):
        raise Refused(f"tensor {name!r} must have either data or binary_data_size")
    if size is None:
        written, nested = written_values.read(data[each["data"]], name, datatype, shape)
        return Tensor(name, datatype, shape, written, nested, parameters), binary
    if type(size) is not int or not 0 <= size <= len(binary):
        raise Refused(f"tensor {name!r} says it has {size} bytes of binary data, there are {len(binary)}")
    return Tensor(name, datatype, shape, binary[:size], False, parameters), binary[size:]


def _tensor_text(tensor: Tensor) -> bytes:
    """Return the description of a tensor as JSON, with its data unless they are binary."""
    described: dict[str, Any] = {"name": tensor.name, "shape": tensor.shape, "datatype": tensor.datatype}
    parameters = dict(tensor.parameters)
    if isinstance(tensor.values, bytes):
        parameters["binary_data_size"] = len(tensor.values)
    if parameters:
        described["parameters"] = parameters
    text = json.dumps(described, separators=(",", ":")).encode()
    if isinstance(tensor.values, bytes):
        return text
    return text[:-1] + b',"data":' + written_values.write(tensor.values, tensor.shape, tensor.nested) + b"}"
